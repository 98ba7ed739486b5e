"""Touches change what they say and nothing else; what they cannot do is one line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.controls import parse_look
from vasa_jax.inference.face_programs import FacePrograms
from vasa_jax.inference.touches import Touches, eye_ratios, lip_ratio
from vasa_jax.types import POSE_SIZE

FACE = Path(__file__).parent / "face.jpg"


@pytest.fixture(scope="module")
def programs(random_checkpoint):
    return FacePrograms(random_checkpoint.models.face, random_checkpoint.params["face"], random_checkpoint.statistics)


@pytest.fixture
def motion():
    return np.random.default_rng(0).normal(size=(5, 13)).astype(np.float32)


def test_no_touch_is_no_change(programs, motion):
    assert programs.touched(motion, Touches()) is motion


def test_strength_scales_the_expression_alone(programs, motion):
    found = programs.touched(motion, Touches(strength=0.5))
    np.testing.assert_allclose(found[:, POSE_SIZE:], 0.5 * motion[:, POSE_SIZE:], atol=1e-5)
    np.testing.assert_allclose(found[:, :POSE_SIZE], motion[:, :POSE_SIZE], atol=1e-4)


def test_the_head_is_turned_on(programs, random_checkpoint):
    """From straight ahead, by the angles as they are given: pitch up, which HeadPose counts downwards."""
    statistics = random_checkpoint.statistics
    straight = statistics.standardise(np.eye(1, 13, 6, dtype=np.float32))
    found = statistics.restore(programs.touched(straight, Touches(turn=(20.0, -10.0, 5.0))))
    np.testing.assert_allclose(np.rad2deg(found[0, :3]), [20, 10, 5], atol=1e-3)
    np.testing.assert_allclose(found[0, 3:], np.eye(1, 13, 6)[0, 3:], atol=1e-5)


@pytest.mark.parametrize("touches", [{"look": (0.5, 0.0)}, {"eyes": 0.3, "landmarks": "folder"}])
def test_a_latent_code_has_no_keypoints_to_move(random_checkpoint, picture, tone, touches):
    with pytest.raises(UserError, match=r"can be moved with weights of LivePortrait alone, see docs/open_weights\.md"):
        Animator(random_checkpoint).animate(picture, tone, 16_000, touches=Touches(**touches), crop=False)


@pytest.mark.parametrize("given, told", [
    ({"strength": 4.0}, "the strength of the expression is from 0 to 3, not 4"),
    ({"look": (0.0, -2.0)}, "the turn of the eyes is from -1 to 1, not -2"),
    ({"lips": float("nan"), "landmarks": "x"}, "the opening of the lips is from 0 to 0.8, not nan"),
    ({"eyes": 0.4}, "to open eyes, give --landmarks, the folder of MediaPipe's graphs"),
    ({"turn": (0.0, 90.0, 0.0)}, "the turn's pitch in degrees is from -60 to 60, not 90"),
])  # fmt: skip
def test_mistakes_are_one_line(given, told):
    with pytest.raises(UserError) as caught:
        Touches(**given)
    assert str(caught.value) == told


def test_look_is_two_numbers():
    assert parse_look("-0.5,1") == (-0.5, 1.0)
    with pytest.raises(UserError, match=r"the turn of the eyes is X,Y from -1 to 1, such as 0\.5,0, not 'up'"):
        parse_look("up")


def test_ratios_are_height_over_width():
    lids = np.zeros((2, 16, 2))
    lids[:, 8] = [4, 0]
    lids[0, [4, 12]], lids[1, [4, 12]] = [[2, -0.5], [2, 0.5]], [[2, 0], [2, 0.4]]
    np.testing.assert_allclose(eye_ratios(lids), [0.25, 0.1])
    points = np.zeros((468, 3))
    points[[61, 291]], points[[13, 14]] = [[-1, 0, 3], [1, 0, -3]], [[0, 0.3, 5], [0, -0.3, 0]]
    assert lip_ratio(points) == pytest.approx(0.3)


def test_a_portrait_is_measured(assets):
    """Open eyes and nearly closed lips, by the graphs."""
    pytest.importorskip("ai_edge_litert")
    face = np.asarray(Image.open(FACE))
    eyes, lips = Touches(eyes=0.4, lips=0.2, landmarks=assets / "mediapipe").ratios(face)
    assert eyes.shape == (1, 3) and eyes[0, 2] == np.float32(0.4) and (np.abs(eyes[0, :2] - 0.3) < 0.2).all()
    assert lips.shape == (1, 2) and 0 <= lips[0, 0] < 0.25
    with pytest.raises(UserError, match="no face to measure"):
        Touches(eyes=0.4, landmarks=assets / "mediapipe").ratios(np.full((128, 128, 3), 90, np.uint8))
