"""The sampler's settings and the few-step student reach the motion; what cannot be is told in one line."""

import jax
import numpy as np
import pytest

from vasa_jax import checkpoint as checkpoints
from vasa_jax.checkpoint import Checkpoint
from vasa_jax.errors import UserError
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.controls import Controls, check_fast
from vasa_jax.inference.flags import parse


@pytest.fixture(scope="module")
def move(with_student, tone):
    """Motion of the same tone, with what is to differ."""
    animator = Animator(with_student)
    return lambda **controls: animator.move(tone, 16_000, Controls(**controls))


@pytest.fixture(scope="module")
def fast(move):
    return move(fast=True)


def test_the_student_samples_where_it_is_asked_for(move, fast):
    assert fast.shape == (26, 13) and np.isfinite(fast).all()
    assert np.abs(fast - move(steps=2)).max() > 1e-3, "not the teacher in as few steps"
    np.testing.assert_array_equal(fast, move(fast=True))
    for other in ({"audio_cfg": 2.0}, {"gaze_cfg": 0.0}, {"gaze": (20.0, 0.0)}, {"seed": 1}):
        assert np.abs(fast - move(fast=True, **other)).max() > 1e-5, other


@pytest.mark.parametrize("other", [{"sampler": "dpm"}, {"eta": 1.0}], ids=str)
def test_the_samplers_settings_count(move, other):
    """With four steps: in fewer there is none of second order."""
    assert np.abs(move(steps=4) - move(steps=4, **other)).max() > 1e-5


def test_a_student_is_released_and_loaded(with_student, tmp_path):
    checkpoints.save(tmp_path, with_student)
    loaded = checkpoints.load(tmp_path)
    assert loaded.config["student"] == with_student.config["student"] and loaded.models.student.told == (
        "audio",
        "gaze",
    )
    pairs = zip(*(jax.tree.leaves(c.params["student"]) for c in (with_student, loaded)), strict=True)
    assert all(np.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in pairs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "the checkpoint's config.json has no proper 'student'"),
        ({"guidance": {"audio": 2.0}}, "the checkpoint's config.json has no proper 'student'"),
        ({"guidance": {"audio": 2.0, "gaze": -1.0}}, "the checkpoint's config.json has no proper 'student'"),
        ({"window": 8}, "the checkpoint does not fit together: student's window of 8"),
    ],
)
def test_students_that_do_not_fit(with_student, tmp_path, changes, message):
    model = {**with_student.config["student"]["model"], **changes}
    student = {**with_student.config["student"], "model": model, **changes}
    config = {**with_student.config, "student": student}
    with pytest.raises(UserError, match=message):
        checkpoints._check_config(config, tmp_path)
        checkpoints._models(Checkpoint(config, with_student.params), tmp_path)


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        ({"audio_cfg": 3.0}, "the few-step student's guidance scale of the audio is from 0 to 2, not 3"),
        (
            {"emotion_cfg": 1.0},
            "the few-step student has not learned guidance of the emotion: leave it or fast out",
        ),
    ],
)
def test_guidance_that_the_student_has_not_learned(with_student, controls, message):
    with pytest.raises(UserError) as error:
        check_fast(with_student.config["student"], Controls(fast=True, **controls))
    assert str(error.value) == message


def test_weights_without_a_student_say_so(random_checkpoint, tone, picture):
    for call in (
        lambda animator: animator.move(tone, 16_000, Controls(fast=True)),
        lambda animator: animator.animate(picture, tone, 16_000, fast=True, crop=False),
    ):
        with pytest.raises(UserError, match="these weights hold no few-step student: leave fast out, or take fewer"):
            call(Animator(random_checkpoint))


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        ({"sampler": "euler"}, "no sampler is called 'euler'; there are ddim, dpm"),
        ({"eta": 1.5}, "the eta is from 0 to 1, not 1.5"),
        ({"eta": 0.5, "sampler": "dpm"}, "eta goes with the sampler ddim, not with dpm"),
        (
            {"fast": True, "steps": 4},
            "fast has a number of steps and a sampler of its own: leave steps, sampler and eta out",
        ),
    ],
)
def test_settings_that_cannot_be(controls, message):
    with pytest.raises(UserError) as error:
        Controls(**controls)
    assert str(error.value) == message


def test_flags(capsys):
    arguments = parse(["--sampler", "dpm", "--steps", "20"])
    assert (arguments.sampler, arguments.steps, arguments.fast) == ("dpm", 20, None)
    assert parse(["--fast"]).fast is True and parse([]).fast is None
    for words, line in (
        (["--fast", "--steps", "4"], "--steps does not go with --fast, which has its own"),
        (["--fast", "--eta", "0"], "--eta does not go with --fast, which has its own"),
        (["--fast", "--driving", "a.mp4"], "--fast does not go with --driving"),
    ):
        with pytest.raises(SystemExit) as stop:
            parse(words)
        assert stop.value.code == 2
        assert capsys.readouterr().err == f"infer.py: error: {line} (--help lists the flags)\n"
