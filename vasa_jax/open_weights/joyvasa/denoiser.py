"""JoyVASA's network: motion tokens in time that look at themselves and, frame by frame, at the audio."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

LONGEST_WAVE = 10_000.0
EPSILON = 1e-5


def waves(positions: Shaped[Array | np.ndarray, "*any"], size: int) -> Float[Array, "*any {size}"]:
    """Sine and cosine in turn, of frequencies from 1 to nearly 1 / 10000 (arXiv 1706.03762, section 3.5)."""
    frequencies = np.exp(-np.log(LONGEST_WAVE) * np.arange(0, size, 2) / size).astype(np.float32)
    angles = jnp.asarray(positions, jnp.float32)[..., None] * frequencies
    return jnp.stack([jnp.sin(angles), jnp.cos(angles)], -1).reshape(*positions.shape, size)


class Attention(nn.Module):
    """Multi-head attention to `memory`; with `own_frame` each token to the one memory token of its own frame.

    Attention to a single token is that token's value, whatever the query: the weights of query and key have no
    influence then, and are not kept.
    """

    heads: int
    own_frame: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "b t w"], memory: Float[Array, "b t w"]) -> Float[Array, "b t w"]:
        width = x.shape[-1]

        def by_head(y: Array, name: str) -> Array:
            return nn.Dense(width, dtype=y.dtype, name=name)(y).reshape(*y.shape[:2], self.heads, width // self.heads)

        value = by_head(memory, "value")
        if self.own_frame:
            h = value
        else:
            h = jax.nn.dot_product_attention(by_head(x, "query"), by_head(memory, "key"), value)
        return nn.Dense(width, dtype=x.dtype, name="out")(h.reshape(x.shape))


class DecoderLayer(nn.Module):
    """Self-attention, attention to the audio, feed-forward; each added to its input, the sum normalised."""

    heads: int
    feedforward: int

    @nn.compact
    def __call__(self, x: Float[Array, "b t w"], audio: Float[Array, "b t w"]) -> Float[Array, "b t w"]:
        def norm(y: Array, name: str) -> Array:
            return nn.LayerNorm(EPSILON, dtype=y.dtype, use_fast_variance=False, name=name)(y)

        x = norm(x + Attention(self.heads, name="self_attention")(x, x), "self_norm")
        x = norm(x + Attention(self.heads, own_frame=True, name="audio_attention")(x, audio), "audio_norm")
        h = nn.gelu(nn.Dense(self.feedforward, dtype=x.dtype, name="widen")(x), approximate=False)
        return norm(x + nn.Dense(x.shape[-1], dtype=x.dtype, name="narrow")(h), "feedforward_norm")


class Denoiser(nn.Module):
    """From noised motion, audio and step to clean motion, over the frames of history and window together."""

    motion_size: int
    width: int
    layers: int
    heads: int
    feedforward: int

    @nn.compact
    def __call__(
        self, motion: Float[Array, "b t m"], audio: Float[Array, "b t w"], step: Float[Array, " b"]
    ) -> Float[Array, "b t m"]:
        """Args: motion with its history, audio features of the same frames, the published model's step, 0 to 500."""
        x = nn.Dense(self.width, name="motion")(motion) + waves(np.arange(motion.shape[1]), self.width)
        h = nn.gelu(nn.Dense(self.width, name="step_in")(waves(step, self.width)), approximate=False)
        x = x + nn.Dense(self.width, name="step_out")(h)[:, None]
        for i in range(self.layers):
            x = DecoderLayer(self.heads, self.feedforward, name=f"layer_{i}")(x, audio)
        h = nn.gelu(nn.Dense(self.width // 2, name="head_in")(x), approximate=False)
        return nn.Dense(self.motion_size, name="head_out")(h)
