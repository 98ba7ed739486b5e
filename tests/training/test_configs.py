"""Every experiment in configs/ fills what the code has fields for, and nothing else."""

import importlib
from pathlib import Path

import pytest

from vasa_jax.face import build_face
from vasa_jax.motion import build_motion
from vasa_jax.speech import build_speech
from vasa_jax.training import face, motion, stages
from vasa_jax.training.optimiser import Optimiser

NAMES = sorted(path.stem for path in (Path(__file__).parents[2] / "configs").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_config_is_understood(name):
    config = importlib.import_module(f"configs.{name}").get_config()
    assert name.startswith(config.stage)
    stages.settings(config)
    stages.fill(Optimiser, config.optimiser, "optimiser")
    stages.reading(config, config.batch_size, 0)
    CHECKS[config.stage](config)


def check_face(config):
    build_face(config.model.to_dict())
    stages.fill(face.Weights, config.losses, "losses")
    stages.fill(face.Noise, config.noise, "noise")


def check_motion(config):
    model = build_motion({**config.model.to_dict(), "motion_size": 20, "feature_size": 8})
    stages.fill(motion.MotionLoss, config.losses, "losses", model=model, **config.conditions.to_dict())


def check_speech(config):
    assert build_speech(config.model.to_dict()).look_ahead <= 0.16


CHECKS = {"face": check_face, "motion": check_motion, "speech": check_speech}


def test_a_number_without_use_is_the_users_to_mend():
    config = importlib.import_module("configs.face_tiny").get_config()
    with config.losses.unlocked():
        config.losses.magic = 1.0
    with pytest.raises(stages.UserError, match=r"config\.losses has no magic"):
        stages.fill(face.Weights, config.losses, "config.losses")
    config.stage = "sleep"
    with pytest.raises(stages.UserError, match="it can be face, motion, speech"):
        stages.build(config)
