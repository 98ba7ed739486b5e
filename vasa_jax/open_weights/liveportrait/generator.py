"""The generator G: features to an image, by residual blocks whose norms are modulated by those features (SPADE)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.doubled import double
from vasa_jax.layers import Conv, depth_to_space
from vasa_jax.open_weights.liveportrait.quick import QuickConv, Weights, convolve
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
    def __call__(
        self,
        normed: Float[Array, "b h w c"],
        features: Float[Array, "b g g f"],
        mapping: Float[Array, "c _"] | None = None,
    ) -> Float[Array, "b h w _"]:
        """The modulated image through leaky ReLU or, if there is a mapping, through that instead.

        A mapping is linear: what it makes of beta is read from the features at once, by a smaller kernel.
        """
        channels, times = normed.shape[-1], normed.shape[1] // features.shape[1]
        h = nn.relu(RepeatedConv(self.hidden, times, name="shared")(features))
        kernel, bias = Weights(2 * channels, name="gamma_and_beta")(self.hidden)

        def modulated(both: Array, normed: Array) -> Array:
            gamma, beta = both[..., :channels], both[..., channels:]
            if mapping is None:
                return nn.leaky_relu(normed * (1 + gamma) + beta, SLOPE)
            return (normed * (1 + gamma)) @ mapping.astype(normed.dtype) + beta

        if mapping is not None:
            kernel, bias = (
                jnp.concatenate([x[..., :channels], x[..., channels:] @ mapping], -1) for x in (kernel, bias)
            )
        return convolve(h, kernel, bias, modulated, [normed])


class Mapping(nn.Module):
    """The matrix of a linear map."""

    width: int

    @nn.compact
    def __call__(self, channels: int) -> Float[Array, "c {self.width}"]:
        return self.param("kernel", nn.initializers.lecun_normal(), (channels, self.width))


class SpadeBlock(nn.Module):
    """Twice modulation, leaky ReLU, convolution; plus the input, modulated and mapped where the width changes.

    Attributes:
      doubled: the input is first made twice as large, each pixel repeated.
    """

    width: int
    hidden: int = 128
    doubled: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], features: Float[Array, "b g g f"]
    ) -> Float[Array, "b h2 w2 {self.width}"]:
        channels, enlarge = x.shape[-1], double if self.doubled else lambda image: image
        normed = enlarge(instance_norm(x))  # the same as of the larger image, with a quarter of the work
        h = Modulation(self.hidden, name="modulation_0")(normed, features)
        h = QuickConv(min(channels, self.width), name="conv_0")(h)
        h = Modulation(self.hidden, name="modulation_1")(instance_norm(h), features)
        h = QuickConv(self.width, name="conv_1")(h)
        if channels == self.width:
            return enlarge(x) + h
        mapping = Mapping(self.width, name="skip")(channels)
        return Modulation(self.hidden, name="modulation_skip")(normed, features, mapping) + h


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
        x = QuickConv(self.width, name="stem")(features)
        for i in range(self.blocks):
            x = SpadeBlock(self.width, self.hidden, name=f"block_{i}")(x, features)
        for i, width in enumerate(self.ups):
            x = SpadeBlock(width, self.hidden, doubled=True, name=f"up_{i}")(x, features)
        x = Conv(12, standardised=False, name="last")(nn.leaky_relu(x, SLOPE))
        return nn.sigmoid(depth_to_space(x, 2).astype(jnp.float32))
