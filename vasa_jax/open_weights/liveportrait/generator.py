"""The generator G: features to an image, by residual blocks whose norms are modulated by those features (SPADE)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.doubled import double
from vasa_jax.layers import Conv, depth_to_space
from vasa_jax.open_weights.liveportrait.repeated import RepeatedConv

EPSILON = 1e-5
SLOPE = 0.2


def instance_norm(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Each channel of each image to mean 0 and variance 1 over space; sums in float32."""
    wide = x.astype(jnp.float32)
    mean, variance = wide.mean((1, 2), keepdims=True), wide.var((1, 2), keepdims=True)
    return ((wide - mean) * jax.lax.rsqrt(variance + EPSILON)).astype(x.dtype)


class Modulation(nn.Module):
    """A normalised image times 1 + gamma plus beta, both read from the features at its place (arXiv 1903.07291)."""

    hidden: int = 128

    @nn.compact
    def __call__(self, normed: Float[Array, "b h w c"], features: Float[Array, "b g g f"]) -> Float[Array, "b h w c"]:
        times = normed.shape[1] // features.shape[1]
        h = nn.relu(RepeatedConv(self.hidden, times, name="shared")(features))
        both = Conv(2 * normed.shape[-1], standardised=False, name="gamma_and_beta")(h)
        gamma, beta = jnp.split(both, 2, -1)
        return normed * (1 + gamma) + beta


class SpadeBlock(nn.Module):
    """Twice modulation, leaky ReLU, convolution; plus the input, modulated and mapped where the width changes."""

    width: int
    hidden: int = 128

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], features: Float[Array, "b g g f"]
    ) -> Float[Array, "b h w {self.width}"]:
        middle = min(x.shape[-1], self.width)
        normed = instance_norm(x)
        h = nn.leaky_relu(Modulation(self.hidden, name="modulation_0")(normed, features), SLOPE)
        h = Conv(middle, standardised=False, name="conv_0")(h)
        h = nn.leaky_relu(Modulation(self.hidden, name="modulation_1")(instance_norm(h), features), SLOPE)
        h = Conv(self.width, standardised=False, name="conv_1")(h)
        if x.shape[-1] == self.width:
            return x + h
        skip = Modulation(self.hidden, name="modulation_skip")(normed, features)
        return nn.Dense(self.width, use_bias=False, dtype=x.dtype, name="skip")(skip) + h


class Generator(nn.Module):
    """G. The published sizes are the defaults.

    Attributes:
      width: of the `blocks` blocks at the features' size.
      ups: width of the block after each doubling.
    """

    width: int = 512
    blocks: int = 6
    ups: tuple[int, ...] = (256, 64)
    hidden: int = 128

    @nn.compact
    def __call__(self, features: Float[Array, "b g g f"]) -> Float[Array, "b s s 3"]:
        """An image in [0, 1] of 2^(len(ups) + 1) times the features' size."""
        x = Conv(self.width, standardised=False, name="stem")(features)
        for i in range(self.blocks):
            x = SpadeBlock(self.width, self.hidden, name=f"block_{i}")(x, features)
        for i, width in enumerate(self.ups):
            x = SpadeBlock(width, self.hidden, name=f"up_{i}")(double(x), features)
        x = Conv(12, standardised=False, name="last")(nn.leaky_relu(x, SLOPE))
        return nn.sigmoid(depth_to_space(x, 2).astype(jnp.float32))
