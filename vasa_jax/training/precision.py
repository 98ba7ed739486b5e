"""What a training computes with, and what it keeps for the backward pass: the two trades of exactness and memory.

Both are set here alone. Parameters, their averages and the optimiser are float32 always; the networks compute in the
type of the images that they are given (see vasa_jax.layers).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vasa_jax.errors import UserError
from vasa_jax.layers import BLOCK
from vasa_jax.pixels import from_uint8

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
KEPT = ("all", "blocks")


@dataclasses.dataclass(frozen=True)
class Precision:
    """The policy of a training.

    Attributes:
      compute: "float32" or "bfloat16", which accelerators multiply several times faster.
      keep: "all" intermediate results for the backward pass, or of the residual "blocks" only what they give, the rest
        being computed again: a third more work for a fraction of the memory.
    """

    compute: str = "float32"
    keep: str = "all"

    def __post_init__(self):
        if self.compute not in DTYPES:
            raise UserError(f"config.precision.compute is {self.compute!r}; it can be {', '.join(DTYPES)}")
        if self.keep not in KEPT:
            raise UserError(f"config.precision.keep is {self.keep!r}; it can be {', '.join(KEPT)}")

    def image(self, levels: Array) -> Array:
        """uint8 levels as the networks get them: [-1, 1] in the type computed with."""
        return from_uint8(levels).astype(DTYPES[self.compute])

    def remembered(self, apply: Callable[..., Any]) -> Callable[..., Any]:
        """`apply` with less kept of it for its derivative; the values are the same."""
        if self.keep == "all":
            return apply
        return jax.checkpoint(apply, policy=jax.checkpoint_policies.save_only_these_names(BLOCK))


EXACT = Precision()
