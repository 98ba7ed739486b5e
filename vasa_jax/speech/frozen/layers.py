"""The transformer layer that Wav2Vec2, HuBERT and Whisper share."""

import flax.linen as nn
import jax
from jax import Array
from jaxtyping import Bool, Float


def gelu(x: Array) -> Array:
    """The exact one, by the error function, with which all of them were trained."""
    return jax.nn.gelu(x, approximate=False)


class SelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself.

    Attributes:
      heads: H; each has width / H of the components.
    """

    width: int
    heads: int

    def setup(self) -> None:
        self.query, self.key, self.value, self.out = (nn.Dense(self.width) for _ in range(4))

    def __call__(
        self, x: Float[Array, "batch time width"], heard: Bool[Array, "batch time"] | None = None
    ) -> Float[Array, "batch time width"]:
        """`heard`: False for what nothing may attend to; None where all may be."""
        by_head = (*x.shape[:2], self.heads, self.width // self.heads)
        query, key, value = (layer(x).reshape(by_head) for layer in (self.query, self.key, self.value))
        mask = None if heard is None else heard[:, None, None]
        return self.out(jax.nn.dot_product_attention(query, key, value, mask=mask).reshape(x.shape))


class TransformerLayer(nn.Module):
    """Attention, then a feed-forward network, each added to its input.

    Attributes:
      feedforward: width of its hidden layer.
      norm_first: normalise what goes into each part ("stable layer norm"), or else each sum.
      epsilon: of both layer norms.
    """

    width: int
    heads: int
    feedforward: int
    norm_first: bool
    epsilon: float = 1e-5

    def setup(self) -> None:
        self.attention = SelfAttention(self.width, self.heads)
        self.widen, self.narrow = nn.Dense(self.feedforward), nn.Dense(self.width)
        self.attention_norm, self.feedforward_norm = (layer_norm(self.epsilon) for _ in range(2))

    def __call__(
        self, x: Float[Array, "batch time width"], heard: Bool[Array, "batch time"] | None = None
    ) -> Float[Array, "batch time width"]:
        """`heard`: see SelfAttention."""
        if self.norm_first:
            x = x + self.attention(self.attention_norm(x), heard)
            return x + self._feed(self.feedforward_norm(x))
        x = self.attention_norm(x + self.attention(x, heard))
        return self.feedforward_norm(x + self._feed(x))

    def _feed(self, x: Array) -> Array:
        return self.narrow(gelu(self.widen(x)))


def layer_norm(epsilon: float = 1e-5) -> nn.LayerNorm:
    """With the variance as the mean of squared differences: flax's faster form loses digits that parity needs."""
    return nn.LayerNorm(epsilon=epsilon, use_fast_variance=False)
