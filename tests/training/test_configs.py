"""Every experiment in configs/ fills what the code has fields for, and nothing else."""

import importlib
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from vasa_jax.motion import build_motion
from vasa_jax.speech import build_speech
from vasa_jax.training import face, face_stage, from_config, gaze, motion, stages, student
from vasa_jax.training.face_terms import Judges
from vasa_jax.training.optimiser import Optimiser

NAMES = sorted(path.stem for path in (Path(__file__).parents[2] / "configs").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_config_is_understood(name):
    config = importlib.import_module(f"configs.{name}").get_config()
    assert name.startswith(config.stage)
    stages.settings(config)
    stages.fill(Optimiser, config.optimiser, "optimiser")
    from_config.reading(config, config.batch_size, 0)
    CHECKS[config.stage](config)


def check_face(config):
    for part in face_stage.parts(config):
        phase = face_stage.whole_phase(config, part, jnp.ones(57), Judges())
        assert phase.loss.model.image_size == part.size
    assert part.until == 1 and part.weights == stages.fill(face.Weights, config.losses, "losses"), "all are on at last"


def motion_config():
    config = importlib.import_module("configs.motion_tiny").get_config()
    return {**config.model.to_dict(), "motion_size": 20, "feature_size": 8}


def check_motion(config):
    model = build_motion({**config.model.to_dict(), "motion_size": 20, "feature_size": 8})
    stages.fill(motion.MotionLoss, config.losses, "losses", model=model, **config.conditions.to_dict())


def check_speech(config):
    assert build_speech(config.model.to_dict()).look_ahead <= 0.16


def check_gaze(config):
    stages.fill(gaze.GazeLoss, config.noise, "noise")


def check_student(config):
    models = [build_motion({**motion_config(), **more}) for more in ({"told": sorted(config.guidance)}, {})]
    stages.fill(student.StudentLoss, config.losses, "losses", **config.conditions, student=models[0], teacher=models[1])


CHECKS = {
    "face": check_face,
    "motion": check_motion,
    "student": check_student,
    "speech": check_speech,
    "gaze": check_gaze,
}


def test_a_number_without_use_is_the_users_to_mend():
    config = importlib.import_module("configs.face_tiny").get_config()
    with config.losses.unlocked():
        config.losses.magic = 1.0
    with pytest.raises(stages.UserError, match=r"config\.losses has no magic"):
        stages.fill(face.Weights, config.losses, "config.losses")
    config.stage = "sleep"
    with pytest.raises(stages.UserError, match="it can be face, motion, student, speech, gaze"):
        stages.build(config)


def parts_of(resolutions=(), share=0.2, **starts):
    config = importlib.import_module("configs.face_paper").get_config()
    config.encoders.share, config.resolutions = share, resolutions
    config.starts.update(starts)
    return face_stage.parts(config)


def test_a_part_begins_wherever_a_loss_or_a_resolution_does():
    parts = parts_of(((0.0, 256, 24), (0.5, 512, 16)), adversarial=0.3, consistency=0.5)
    assert [(part.begins, part.until, part.size, part.batch_size) for part in parts] == [
        (0.2, 0.3, 256, 24), (0.3, 0.5, 256, 24), (0.5, 1.0, 512, 16)]  # fmt: skip
    assert [part.weights.adversarial > 0 for part in parts] == [False, True, True]
    assert [part.weights.consistency > 0 for part in parts] == [False, False, True]
    with pytest.raises(stages.UserError, match="shares of the budget"):
        parts_of(adversarial=1.0)


@pytest.mark.slow
def test_weights_are_carried_over_to_the_next_resolution():
    config = importlib.import_module("configs.face_paper").get_config()
    key, shapes = jax.random.key(0), []
    for size in (256, 512):
        shapes.append(jax.eval_shape(face_stage.init_of(face_stage.model_of(config, size)), key))
    assert jax.tree.map(lambda x: x.shape, shapes[0]) == jax.tree.map(lambda x: x.shape, shapes[1])
    config = importlib.import_module("configs.face_tiny").get_config()
    with pytest.raises(stages.UserError, match="without `linear`"):
        face_stage.model_of(config, 64)


def test_a_loss_without_its_network_is_refused():
    config = importlib.import_module("configs.face_tiny").get_config()
    with pytest.raises(stages.UserError, match=r"config\.losses\.perceptual needs a network: set config\.judges\.perc"):
        face_stage.check_judges(config, Judges())
