"""Controls reach the networks in their units; values out of range are told."""

import math

import numpy as np
import pytest

from vasa_jax.errors import UserError
from vasa_jax.inference.controls import Controls, parse_emotion, parse_gaze
from vasa_jax.types import EMOTIONS


def test_the_defaults_are_the_papers():
    controls = Controls()
    arrays = controls.arrays(mean_distance=1.25)
    assert controls.steps == 50 and controls.guidance == {"audio": 0.5, "gaze": 1.0}
    assert not arrays["gaze"].any() and not arrays["emotion"].any() and arrays["distance"].item() == 1.25


def test_units():
    arrays = Controls(gaze=(30.0, -15.0), distance=0.8, emotion="sad:0.25").arrays(mean_distance=1.25)
    np.testing.assert_allclose(arrays["gaze"], [[math.pi / 6, -math.pi / 12]], rtol=1e-6)
    np.testing.assert_allclose(arrays["distance"], [[0.8]])
    np.testing.assert_allclose(arrays["emotion"], [[0, 0.25, 0, 0, 0, 0]])


def test_every_emotion_has_its_place():
    for index, name in enumerate(EMOTIONS):
        assert np.argmax(parse_emotion(name)) == index and parse_emotion(name).sum() == 1
    assert not parse_emotion("neutral").any() and not parse_emotion("neutral:1").any()


def test_gaze_of_the_command_line():
    assert parse_gaze("-10, 2.5") == (-10.0, 2.5)
    for wrong in ("10", "1,2,3", "left,up", ""):
        with pytest.raises(UserError, match="the gaze is YAW,PITCH in degrees"):
            parse_gaze(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "the seed is from 0 to 4.29497e+09, not -1"),
        ({"steps": 0}, "the number of steps is from 1 to 1000, not 0"),
        ({"audio_cfg": -0.5}, "the guidance scale of the audio is from 0 to 10, not -0.5"),
        ({"gaze_cfg": math.nan}, "the guidance scale of the gaze is from 0 to 10, not nan"),
        ({"gaze": (90.0, 0.0)}, "the gaze yaw in degrees is from -60 to 60, not 90"),
        ({"gaze": (0.0, math.inf)}, "the gaze pitch in degrees is from -60 to 60, not inf"),
        ({"distance": 0.0}, "the distance is from 0.5 to 2, not 0"),
        ({"emotion": "bored"}, f"no emotion is called 'bored'; there are neutral, {', '.join(EMOTIONS)}"),
        ({"emotion": "happy:much"}, "the strength of an emotion is a number from 0 to 1, not 'much'"),
        ({"emotion": "happy:2"}, "the strength of an emotion is from 0 to 1, not 2"),
    ],
)
def test_values_out_of_range(wrong, message):
    with pytest.raises(UserError) as error:
        Controls(**wrong)
    assert str(error.value) == message
