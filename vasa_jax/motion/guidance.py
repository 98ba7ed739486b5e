"""Classifier-free guidance over several conditions, its branches batched into one forward pass."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from vasa_jax.motion.conditions import without
from vasa_jax.motion.diffusion import Predict
from vasa_jax.types import Conditions

Guidance = Mapping[str, Array | float | int]


def guided(
    predict: Predict,
    noised: Float[Array, "batch window motion"],
    step: Int[Array, " batch"],
    conditions: Conditions,
    guidance: Guidance,
) -> Float[Array, "batch window motion"]:
    """(1 + sum_c l_c) H(X_t, t, C) - sum_c l_c H(X_t, t, C | c = null)  (VASA-1, equation 2).

    A scale of 0 leaves the rest as it is, to the bit; its branch is still computed, so that a scale can
    change without a new program. An empty `guidance` costs a single branch.

    Args:
      predict: H as a function of (noised, step, conditions).
      guidance: guidance scale l_c by name of the condition, see `conditions.NAMES`; () or (B,).
    """
    names = sorted(guidance)
    scales = {name: jnp.asarray(guidance[name]).reshape(-1, 1, 1) for name in names}
    branches = [conditions, *(without(conditions, name) for name in names)]
    joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *branches)
    times = len(branches)
    predicted = predict(jnp.tile(noised, (times, 1, 1)), jnp.tile(step, times), joined)
    full, *nulls = jnp.split(predicted, times)
    result = (1 + sum(scales.values())) * full
    for name, null in zip(names, nulls, strict=True):
        result -= scales[name] * null
    return result
