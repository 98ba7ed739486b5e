"""Pictures as files and people have them (uint8) and as the networks have them (float32 in [-1, 1])."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


def from_uint8(image: ArrayLike) -> Array:
    """uint8 levels to float32 in [-1, 1]; any shape."""
    return jnp.asarray(image, jnp.float32) / 127.5 - 1


def to_uint8(image: ArrayLike) -> Array:
    """[-1, 1] to the nearest of the 256 levels; what lies outside is clipped."""
    return jnp.clip(jnp.round((jnp.asarray(image) + 1) * 127.5), 0, 255).astype(jnp.uint8)
