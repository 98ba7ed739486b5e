"""Blocks that the face networks share, after MegaPortraits (arXiv 2207.07572, appendix).

The type of what goes in is the type computed with: parameters stay float32, and images in bfloat16 make every
convolution bfloat16. Norms keep their sums in float32.
GroupNorm everywhere; convolutions are weight-standardised but for a network's first and last.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Float

from vasa_jax.convolution import convolve_2d, convolve_3d

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
    def __call__(self, x: Array) -> Array:
        shape = (*self.kernel, x.shape[-1], self.features)
        init = nn.initializers.variance_scaling(self.init_scale, "fan_in", "truncated_normal")
        kernel = self.param("kernel", init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        if self.standardised:
            kernel = standardise_weights(kernel) * self.param("gain", nn.initializers.ones, (self.features,))
        return self.convolved(x, kernel, bias)

    def convolved(self, x: Array, kernel: Array, bias: Array) -> Array:
        """`x` by this kernel, as it is."""
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


class Norm(nn.Module):
    """GroupNorm; adaptive where a code is given: the code sets its scale and offset by a linear map."""

    @nn.compact
    def __call__(self, x: Array, code: Array | None = None) -> Array:
        adaptive = code is not None
        groups = group_count(x.shape[-1])
        h = nn.GroupNorm(groups, use_bias=not adaptive, use_scale=not adaptive, dtype=x.dtype)(x)
        if not adaptive:
            return h
        linear = nn.Dense(2 * x.shape[-1], kernel_init=nn.initializers.normal(0.02), dtype=x.dtype)
        scale, offset = jnp.split(linear(code), 2, -1)
        over = (slice(None), *(None,) * (x.ndim - 2))
        return h * (1 + scale[over]) + offset[over]


class ResBlock(nn.Module):
    """Norm, ReLU, conv, norm, ReLU, conv, plus the input (through a 1x1 convolution where the width changes).

    Attributes:
      features: output channels.
      axes: 2 for images (B, H, W, C), 3 for volumes (B, D, H, W, C).
    """

    features: int
    axes: int = 2

    @nn.compact
    def __call__(self, x: Array, code: Array | None = None) -> Array:
        h = Conv(self.features, (3,) * self.axes)(nn.relu(Norm()(x, code)))
        h = Conv(self.features, (3,) * self.axes)(nn.relu(Norm()(h, code)))
        skip = x if x.shape[-1] == self.features else Conv(self.features, (1,) * self.axes)(x)
        return checkpoint_name(skip + h, BLOCK)


def halve(x: Array) -> Array:
    """Average pooling by two over height and width of (..., H, W, C)."""
    *lead, height, width, channels = x.shape
    return x.reshape(*lead, height // 2, 2, width // 2, 2, channels).mean((-4, -2))


def double(x: Array) -> Array:
    """Nearest-neighbour upsampling by two over height and width of (..., H, W, C)."""
    return jnp.repeat(jnp.repeat(x, 2, -3), 2, -2)


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
