"""The networks of one checkpoint, built from its config."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from vasa_jax.face import Face, build_face
from vasa_jax.motion import MotionTransformer, build_motion
from vasa_jax.motion.conditions import null_conditions
from vasa_jax.motion.sampler import MotionModel
from vasa_jax.open_weights.joyvasa import build_joy_motion, build_joy_speech
from vasa_jax.open_weights.liveportrait import build_liveportrait
from vasa_jax.speech import SpeechEncoder, build_speech
from vasa_jax.types import SAMPLES_PER_FRAME

Parameters = dict[str, Any]
# What published open weights need beside our own networks, by the "kind" of a section of the config.
FACES = {"liveportrait": build_liveportrait}
MOTIONS = {"joyvasa": build_joy_motion}
EARS = {"joyvasa": build_joy_speech}


@dataclass(frozen=True)
class Models:
    """The networks of one checkpoint; no weights. The few-step student of the motion is an extra."""

    face: Face
    motion: MotionModel
    speech: SpeechEncoder
    student: MotionTransformer | None = None

    @classmethod
    def build(cls, config: Mapping[str, Any]) -> "Models":
        """The networks from the sections "face", "motion", "speech" and, if there is one, "student" of a checkpoint's
        config."""
        student = build_motion(config["student"]["model"]) if "student" in config else None
        rooms = face_of(config["face"]), motion_of(config["motion"]), speech_of(config["speech"])
        return cls(*rooms, student)

    def init(self, key: jax.Array) -> Parameters:
        """Random parameters of all that inference runs, in a dict of "face", "motion", "speech" and maybe "student"."""
        keys = jax.random.split(key, 4)
        image = jnp.zeros((1, self.face.image_size, self.face.image_size, 3))
        audio = jnp.zeros((1, 2 * SAMPLES_PER_FRAME))
        rooms = {
            "face": self.face.init(keys[0], image, image)["params"],
            "motion": init_motion(self.motion, keys[1]),
            "speech": self.speech.init(keys[2], audio)["params"],
        }
        return rooms if self.student is None else {**rooms, "student": init_motion(self.student, keys[3])}


def init_motion(model: MotionModel, key: jax.Array) -> Any:
    """Random parameters of a motion model."""
    nothing = null_conditions(1, model.window, model.history, model.motion_size, model.feature_size)
    noised, step = jnp.zeros((1, model.window, model.motion_size)), jnp.zeros(1, jnp.int32)
    return model.init(key, noised, step, nothing, scales=jnp.zeros((1, len(model.told))))["params"]


def face_of(section: Mapping[str, Any]) -> Face:
    """The face model that the section "face" of a config describes."""
    return _build(section, FACES, build_face)


def motion_of(section: Mapping[str, Any]) -> MotionModel:
    """The motion model that the section "motion" describes."""
    return _build(section, MOTIONS, build_motion)


def speech_of(section: Mapping[str, Any]) -> SpeechEncoder:
    """The speech encoder that the section "speech" describes."""
    return _build(section, EARS, build_speech)


def _build(section: Mapping[str, Any], others: Mapping[str, Callable], own: Callable) -> Any:
    if section.get("kind") not in others:
        return own(section)
    return others[section["kind"]]({name: value for name, value in section.items() if name != "kind"})
