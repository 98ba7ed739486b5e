"""The three networks of one checkpoint, built from its config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from vasa_jax.face import FaceModel, build_face
from vasa_jax.motion import MotionTransformer, build_motion
from vasa_jax.motion.conditions import null_conditions
from vasa_jax.speech import SpeechEncoder, build_speech
from vasa_jax.types import SAMPLES_PER_FRAME

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Models:
    """The three networks of one checkpoint; no weights."""

    face: FaceModel
    motion: MotionTransformer
    speech: SpeechEncoder

    @classmethod
    def build(cls, config: Mapping[str, Any]) -> "Models":
        """The networks from the sections "face", "motion" and "speech" of a checkpoint's config."""
        return cls(build_face(config["face"]), build_motion(config["motion"]), build_speech(config["speech"]))

    def init(self, key: jax.Array) -> Parameters:
        """Random parameters of all that inference runs, in a dict of "face", "motion" and "speech"."""
        keys = jax.random.split(key, 3)
        motion = self.motion
        image = jnp.zeros((1, self.face.image_size, self.face.image_size, 3))
        noised = jnp.zeros((1, motion.window, motion.motion_size))
        nulls = null_conditions(1, motion.window, motion.history, motion.motion_size, motion.feature_size)
        audio = jnp.zeros((1, 2 * SAMPLES_PER_FRAME))
        return {
            "face": self.face.init(keys[0], image, image)["params"],
            "motion": motion.init(keys[1], noised, jnp.zeros(1, jnp.int32), nulls)["params"],
            "speech": self.speech.init(keys[2], audio)["params"],
        }
