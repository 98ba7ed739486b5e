"""What the streaming encoder learns from a larger one: to hear in noise what the teacher hears without it.

Distillation into a linear head over the student's features, which is thrown away afterwards. The teacher may hear the
whole clip, the student only as far as its look-ahead. The teacher's features are computed once a clip.

Whisper's middle layers tell phones apart better, and at a sharper time, than its last: take one of them
(`python -m vasa_jax.speech.convert --layer 2` of four).
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from vasa_jax.data.encode_motion import speech_encoder
from vasa_jax.data.pipeline import Record
from vasa_jax.room_weights import load_room
from vasa_jax.speech import build_speech

HEAD = "teacher_head"  # its place among the parameters
LEAST = 1e-3  # deviation of a teacher's component that hardly moves


@dataclasses.dataclass(frozen=True)
class Lesson:
    """The teacher's features as a target.

    Attributes:
      mean, std: (F,) of its components over the training clips.
      weight: of this loss beside that of the phones.
    """

    mean: np.ndarray
    std: np.ndarray
    weight: float = 1.0

    @classmethod
    def of(cls, records: Iterable[Record], weight: float) -> "Lesson":
        """From records with "taught", see `listening`."""
        taught = np.concatenate([record["taught"] for record in records]).astype(np.float32)
        return cls(taught.mean(0), np.maximum(taught.std(0), LEAST), weight)

    def init_head(self, key: PRNGKeyArray, inputs: int) -> dict[str, Array]:
        """Parameters of the map from `inputs` student features to the teacher's; at first it tells nearly the mean."""
        kernel = 0.1 * jax.random.normal(key, (inputs, len(self.mean))) / np.sqrt(inputs)
        return {"kernel": kernel, "bias": jnp.zeros(len(self.mean))}

    def missed(
        self,
        head: Mapping[str, Array],
        features: Float[Array, "batch frames inputs"],
        taught: Float[Array, "batch frames outputs"],
        weights: Float[Array, "batch frames"],
    ) -> Float[Array, ""]:
        """Share of the teacher's variance that the head does not foretell: 0 is all, 1 is the mean's.

        The mean squared difference of standardised components, so that a few loud ones do not hide the others.
        """
        told = features @ head["kernel"] + head["bias"]
        each = ((told - (taught - self.mean) / self.std) ** 2).mean(-1)
        return (each * weights).sum() / jnp.maximum(weights.sum(), 1e-6)


def listening(folder: str, take: Callable[[Record], Record]) -> Callable[[Record], Record]:
    """`take`, and beside what it leaves "taught" (T, F) float16: what the encoder in `folder` hears in the clip.

    Args:
      folder: of a speech training, of vasa_jax.speech.convert, or of released weights.

    Raises:
      UserError: there is none.
    """
    config, params = load_room(folder, "speech")
    hear = speech_encoder(build_speech(config["model"]), params)

    def taken(record: Record) -> dict[str, Any]:
        return {**take(record), "taught": hear(record["audio"]).astype(np.float16)}

    return taken
