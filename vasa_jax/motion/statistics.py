"""Mean and spread of the training set's motion, to standardise it; they travel with the weights."""

from collections.abc import Mapping
from typing import Any

import flax.struct
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.types import Leaf

AnyArray = Array | np.ndarray  # where data come from files as well as from networks

FLOOR = 1e-3  # a component that hardly moves is not blown up


@flax.struct.dataclass
class Statistics:
    """Mean and standard deviation of each component of a motion vector.

    Attributes:
      mean: (M,) in the units of the motion vector.
      std: (M,) in the same units, positive.
    """

    mean: Leaf
    std: Leaf

    @classmethod
    def of(cls, vectors: Float[AnyArray, "frames motion"], floor: float = FLOOR) -> "Statistics":
        """Statistics of all frames of a training set; `floor` is the least standard deviation."""
        return cls(vectors.mean(0), jnp.maximum(vectors.std(0), floor))

    @classmethod
    def stored(cls, about: Mapping[str, Any]) -> "Statistics":
        """From the lists "mean" and "std" of a motion set or of released weights, as float32."""
        return cls(*(np.asarray(about[name], np.float32) for name in ("mean", "std")))

    def standardise(self, vectors: Float[AnyArray, "*batch motion"]) -> Float[AnyArray, "*batch motion"]:
        """Motion vectors to mean 0 and deviation 1."""
        return (vectors - self.mean) / self.std

    def restore(self, vectors: Float[AnyArray, "*batch motion"]) -> Float[AnyArray, "*batch motion"]:
        """Inverse of `standardise`."""
        return vectors * self.std + self.mean
