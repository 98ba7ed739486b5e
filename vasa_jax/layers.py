"""Blocks that the face networks share, after MegaPortraits (arXiv 2207.07572, appendix).

The type of what goes in is the type computed with: parameters stay float32, and images in bfloat16 make every
convolution bfloat16. Norms keep their sums in float32.
GroupNorm everywhere; convolutions are weight-standardised but for a network's first and last.
"""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Float

from vasa_jax.convolution import convolve_2d, convolve_3d
from vasa_jax.doubled import Doubled, convolve_doubled, laid_out

Image = Array | Doubled
BLOCK = "block"  # name of what a residual block gives, for rematerialisation to keep (see training/precision.py)


class Conv(nn.Module):
    """A same-padded convolution of images (B, H, W, C) or, with a kernel of three axes, volumes (B, D, H, W, C).

    Attributes:
      features: output channels.
      kernel: sizes of the kernel, two or three.
      stride: of both image axes; volumes keep their size.
      standardised: weight standardisation (arXiv 1903.10520): each output's weights get mean 0 and variance 1 / fan-in.
    """

    features: int
    kernel: Sequence[int] = (3, 3)
    stride: int = 1
    standardised: bool = True
    init_scale: float = 1.0

    @nn.compact
    def __call__(self, x: Image) -> Array:
        shape = (*self.kernel, x.shape[-1], self.features)
        init = nn.initializers.variance_scaling(self.init_scale, "fan_in", "truncated_normal")
        kernel = self.param("kernel", init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        if self.standardised:
            kernel = standardise_weights(kernel) * self.param("gain", nn.initializers.ones, (self.features,))
        return self.convolved(x, kernel, bias)

    def convolved(self, x: Image, kernel: Array, bias: Array) -> Array:
        """`x` by this kernel, as it is."""
        if isinstance(x, Doubled):
            return convolve_doubled(x, kernel) + bias.astype(x.dtype)
        apply = convolve_3d if len(self.kernel) == 3 else convolve_2d
        return apply(x, kernel.astype(x.dtype), self.stride) + bias.astype(x.dtype)


def standardise_weights(kernel: Array) -> Array:
    """Mean 0 and variance 1 / fan-in over all axes but the last."""
    axes = tuple(range(kernel.ndim - 1))
    fan_in = kernel.size // kernel.shape[-1]
    centred = kernel - kernel.mean(axes, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.maximum(centred.var(axes, keepdims=True) * fan_in, 1e-4))


def group_count(channels: int) -> int:
    """Groups of a GroupNorm: the largest divisor of `channels` with at least 4 channels a group, at most 32 groups."""
    return max(n for n in range(1, min(32, max(1, channels // 4)) + 1) if channels % n == 0)


class GroupNorm(nn.Module):
    """Mean 0 and variance 1 in each group of channels; then a scale and an offset a channel, its own or given ones.

    The result is that of `flax.linen.GroupNorm`. Here sums are taken over places first and over the channels of a group
    last, and scale and offset are one product and one sum: several times as fast on a CPU.

    Attributes:
      groups: a divisor of the number of channels.
      epsilon: added to the variance.
    """

    groups: int
    epsilon: float = 1e-6

    @nn.compact
    def __call__(
        self,
        x: Image,
        scale: Float[Array, "b c"] | None = None,
        offset: Float[Array, "b c"] | None = None,
    ) -> Image:
        if scale is None:
            scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
            offset = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        mean, variance = self._moments(x)
        scale = jax.lax.rsqrt(variance + self.epsilon) * scale
        offset = offset - mean * scale
        if not isinstance(x, Doubled):
            return _scaled(x, scale, offset)
        if x.beside is None:
            return Doubled(_scaled(x.small, scale, offset))
        (scale, other_scale), (offset, other_offset) = (jnp.split(v, [x.small.shape[-1]], -1) for v in (scale, offset))
        return Doubled(_scaled(x.small, scale, offset), _scaled(x.beside, other_scale, other_offset))

    def _moments(self, x: Image) -> tuple[Array, Array]:
        """Mean and variance (B, C) of each channel's group, in float32."""
        parts = [part.astype(jnp.promote_types(part.dtype, jnp.float32)) for part in jax.tree.leaves(x)]
        places = tuple(range(1, x.ndim - 1))

        def mean(of: Callable[[Array], Array]) -> Array:
            channels = jnp.concatenate([of(part).mean(places) for part in parts], -1)
            groups = channels.reshape(len(channels), self.groups, -1).mean(-1)
            return jnp.repeat(groups, x.shape[-1] // self.groups, -1)

        first, second = mean(lambda part: part), mean(jnp.square)
        return first, jnp.maximum(second - jnp.square(first), 0)


def _scaled(x: Array, scale: Float[Array, "b c"], offset: Float[Array, "b c"]) -> Array:
    over = (slice(None), *(None,) * (x.ndim - 2))
    return (x * scale[over] + offset[over]).astype(x.dtype)


class Norm(nn.Module):
    """GroupNorm; adaptive where a code is given: the code sets its scale and offset by a linear map."""

    @nn.compact
    def __call__(self, x: Image, code: Array | None = None) -> Image:
        normalise = GroupNorm(group_count(x.shape[-1]))
        if code is None:
            return normalise(x)
        linear = nn.Dense(2 * x.shape[-1], kernel_init=nn.initializers.normal(0.02), dtype=x.dtype)
        scale, offset = jnp.split(linear(code), 2, -1)
        return normalise(x, 1 + scale, offset)


def relu(x: Image) -> Image:
    return jax.tree.map(nn.relu, x)


class ResBlock(nn.Module):
    """Norm, ReLU, conv, norm, ReLU, conv, plus the input (through a 1x1 convolution where the width changes).

    Attributes:
      features: output channels.
      axes: 2 for images (B, H, W, C), 3 for volumes (B, D, H, W, C).
    """

    features: int
    axes: int = 2

    @nn.compact
    def __call__(self, x: Image, code: Array | None = None) -> Array:
        h = Conv(self.features, (3,) * self.axes)(relu(Norm()(x, code)))
        h = Conv(self.features, (3,) * self.axes)(relu(Norm()(h, code)))
        skip = laid_out(x) if x.shape[-1] == self.features else Conv(self.features, (1,) * self.axes)(x)
        return checkpoint_name(skip + h, BLOCK)


def halve(x: Array) -> Array:
    """Average pooling by two over height and width of (..., H, W, C)."""
    *lead, height, width, channels = x.shape
    return x.reshape(*lead, height // 2, 2, width // 2, 2, channels).mean((-4, -2))


def resize(x: Float[Array, "b h w c"], size: int) -> Float[Array, "b {size} {size} c"]:
    """Bilinear, antialiased where it shrinks."""
    return jax.image.resize(x, (x.shape[0], size, size, x.shape[-1]), "bilinear").astype(x.dtype)


def space_to_depth(x: Float[Array, "b h w c"], block: int) -> Float[Array, "b h2 w2 c2"]:
    """Blocks of pixels become channels: (B, H, W, C) -> (B, H / block, W / block, block * block * C)."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // block, block, w // block, block, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // block, w // block, block * block * c)


def depth_to_space(x: Float[Array, "b h w c"], block: int) -> Float[Array, "b h2 w2 c2"]:
    """The inverse of `space_to_depth`."""
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, block, block, c // block**2).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * block, w * block, c // block**2)


def fold_depth(x: Float[Array, "b d h w c"]) -> Float[Array, "b h w dc"]:
    """The depth axis becomes channels, kept apart: (B, D, H, W, C) -> (B, H, W, D * C)."""
    b, d, h, w, c = x.shape
    return x.transpose(0, 2, 3, 1, 4).reshape(b, h, w, d * c)


def unfold_depth(x: Float[Array, "b h w dc"], depth: int) -> Float[Array, "b {depth} h w c"]:
    """The inverse of `fold_depth`."""
    b, h, w, channels = x.shape
    return x.reshape(b, h, w, depth, channels // depth).transpose(0, 3, 1, 2, 4)
