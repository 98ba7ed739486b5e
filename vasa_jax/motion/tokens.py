"""Tokens from numbers: place in time, diffusion step, and what stands in for an absent one."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Shaped


def sinusoids(positions: Shaped[Array, "*any"], size: int, longest: float) -> Float[Array, "*any {size}"]:
    """Sines, then cosines, of `positions` at size / 2 angular frequencies from 1 down to 1 / longest.

    The form is that of "Attention Is All You Need", section 3.5 (arXiv 1706.03762).
    """
    half = size // 2
    frequencies = jnp.exp(-jnp.log(longest) * jnp.arange(half) / max(half - 1, 1))
    angles = positions.astype(jnp.float32)[..., None] * frequencies
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], -1)


class FramePositions(nn.Module):
    """One learned vector a frame, shared by all tokens of that frame, whatever their kind.

    Learned, because windows have one fixed length. They start from sinusoids, because the shift by a number of frames
    is then a linear map: a head can look for "the audio of my own frame" or "two frames ahead" before any training.
    """

    frames: int
    size: int

    @nn.compact
    def __call__(self) -> Float[Array, "{self.frames} {self.size}"]:
        def start(_key: Array, shape: tuple[int, int]) -> Array:
            return sinusoids(jnp.arange(shape[0]), shape[1], longest=float(shape[0]))

        return self.param("table", start, (self.frames, self.size))


class SmallMLP(nn.Module):
    """Two dense layers with a SiLU between them."""

    hidden: int
    size: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "*batch any"]) -> Float[Array, "*batch {self.size}"]:
        x = nn.silu(nn.Dense(self.hidden, dtype=self.dtype)(x))
        return nn.Dense(self.size, dtype=self.dtype)(x)


class OrNull(nn.Module):
    """Keeps the tokens that are present and puts one learned null token in the place of the others.

    The choice is a select, not a product: an absent value has no influence, even if it is not finite.
    """

    @nn.compact
    def __call__(
        self, tokens: Float[Array, "batch time size"], present: Bool[Array, "batch #time"]
    ) -> Float[Array, "batch time size"]:
        null = self.param("null", nn.initializers.normal(1.0), (tokens.shape[-1],))
        return jnp.where(present[..., None], tokens, null.astype(tokens.dtype))
