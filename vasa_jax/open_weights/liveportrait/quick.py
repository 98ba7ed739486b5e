"""Convolutions of LivePortrait's networks: direct ones on accelerators, ones with fewer products on a single CPU."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
from jaxtyping import Array, Float

from vasa_jax import winograd
from vasa_jax.convolution import convolve_2d, convolve_3d
from vasa_jax.layers import Conv
from vasa_jax.open_weights.liveportrait import spectra
from vasa_jax.platforms import on_platform

CHANNELS, TILES = 32, 64  # with fewer, what Winograd's form adds up outweighs the products that it saves


class QuickConv(Conv):
    """A convolution of images or volumes by kernels of 3 along each axis, whose weights are taken as they are."""

    standardised: bool = False

    def convolved(self, x: Array, kernel: Array, bias: Array) -> Array:
        """`x` by this kernel, as it is."""
        return convolve(x, kernel, bias)


class LargeConv(Conv):
    """A convolution of volumes by a large kernel to few channels, whose weights are taken as they are."""

    standardised: bool = False

    def convolved(self, x: Array, kernel: Array, bias: Array) -> Array:
        """`x` by this kernel, as it is."""
        return on_platform(convolve_3d, spectra.convolve, x, kernel.astype(x.dtype)) + bias.astype(x.dtype)


class Weights(nn.Module):
    """Those of a `Conv`, for who does more with them than to convolve."""

    features: int

    @nn.compact
    def __call__(self, channels: int) -> tuple[Float[Array, "3 3 c f"], Float[Array, " f"]]:
        """Kernel and bias for so many channels that go in."""
        shape = (3, 3, channels, self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        return kernel, self.param("bias", nn.initializers.zeros, shape[-1:])


def convolve(
    x: Float[Array, "b *space c"],
    kernel: Float[Array, "*taps c f"],
    bias: Float[Array, " f"],
    finish: Callable[..., Array] = lambda made: made,
    beside: Sequence[Float[Array, "b *space _"]] = (),
) -> Float[Array, "b *space _"]:
    """What `finish` makes of the convolution plus the bias and of the images `beside`; see `winograd.convolve`."""

    def done(made: Array, *others: Array) -> Array:
        return finish(made + bias.astype(x.dtype), *others)

    def direct(x: Array, kernel: Array, *beside: Array) -> Array:
        apply = convolve_2d if x.ndim == 4 else convolve_3d
        return done(apply(x, kernel.astype(x.dtype)), *beside)

    def one_cpu(x: Array, kernel: Array, *beside: Array) -> Array:
        if x.ndim == 4:
            return winograd.convolve(x, kernel, done, beside)
        return done(winograd.convolve_volumes(x, kernel), *beside)

    few = min(kernel.shape[-2:]) < CHANNELS or math.prod(x.shape[:-1]) < TILES * winograd.TILE**2
    return on_platform(direct, direct if few else one_cpu, x, kernel, *beside)
