"""The numbers that labels are read by, measured on clips with exact labels: the canonical face, and lips as heard.

They ship in one safetensors file; `python -m vasa_jax.data.videos.labels.fit` makes it again.
"""

import functools
import zlib
from typing import Any

import flax.struct
import jax
import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

from vasa_jax import pretrained


@flax.struct.dataclass
class LipsHeard:
    """lip opening = (features - mean) @ weights + bias: what speech sounds as if the lips were doing.

    Attributes:
      mean, weights: (F,) for features of the speech encoder that ships.
      bias: in the unit of `lip_opening`.
    """

    mean: np.ndarray
    weights: np.ndarray
    bias: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(T, F) to (T,)."""
        return (features - self.mean) @ self.weights + self.bias


@functools.cache
def canonical_face() -> np.ndarray:
    """(36, 3) the points `readings.RIGID_POINTS` of the mean head at pose [0, 0, 0, 0, 0, 0, 1] as MediaPipe's mesh
    sees them, in half image sides."""
    return load_file(pretrained.labels())["canonical_face"]


@functools.cache
def lips_heard() -> LipsHeard:
    """The read-out of lips from features of the ear that ships."""
    found = load_file(pretrained.labels())
    return LipsHeard(found["lips/mean"], found["lips/weights"], float(found["lips/bias"][0]))


def ear_of_tables() -> str:
    """`fingerprint` of the speech encoder that the read-out of lips was measured with."""
    with safe_open(str(pretrained.labels()), "numpy") as file:
        return file.metadata()["ear"]


def fingerprint(params: Any) -> str:
    """A short name for the weights of a network."""
    return f"{zlib.crc32(b''.join(np.asarray(x).tobytes() for x in jax.tree.leaves(params))):08x}"
