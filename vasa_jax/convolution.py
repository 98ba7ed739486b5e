"""Convolutions that are trained: channels last, same-padded, with a derivative that suits a CPU.

What differs from `jax.lax.conv_general_dilated` is the kernel's gradient on a single CPU. XLA makes of it a convolution
whose window is the whole image; here it is a few matrix products an image, mostly two to three times as fast
(benchmarks/convolution.py).
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.platforms import on_platform


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve_2d(
    x: Float[Array, "batch height width channels"],
    kernel: Float[Array, "kernel_height kernel_width channels features"],
    stride: int = 1,
) -> Float[Array, "batch out_height out_width features"]:
    """Cross-correlation with zeros around the images, padded as XLA's "SAME"."""
    return _convolve(x, kernel, stride)


def convolve_3d(
    x: Float[Array, "batch depth height width channels"],
    kernel: Float[Array, "kernel_depth kernel_height kernel_width channels features"],
    stride: int = 1,
    convolve: Callable = convolve_2d,
) -> Float[Array, "batch depth out_height out_width features"]:
    """A slice is an image, which is convolved by all slices of the kernel at once, for itself and its neighbours.

    On a CPU that is nearly twice as fast as XLA's own. Depth keeps its size; kernels are odd there.

    Args:
      convolve: (images, kernel, stride) -> images.
    """
    batch, depth, *_ = x.shape
    taps, kh, kw, channels, features = kernel.shape
    flat_kernel = kernel.transpose(1, 2, 3, 0, 4).reshape(kh, kw, channels, taps * features)
    flat = convolve(x.reshape(batch * depth, *x.shape[2:]), flat_kernel, stride)
    shares = flat.reshape(batch, depth, *flat.shape[1:-1], taps, features)
    return sum(_moved_in_depth(shares[..., i, :], taps // 2 - i) for i in range(taps))


def _moved_in_depth(x: Array, by: int) -> Array:
    """Slices moved up so many places, zeros in theirs."""
    if by == 0:
        return x
    zeros = jnp.zeros_like(x[:, : abs(by)])
    return jnp.concatenate([zeros, x[:, :-by]] if by > 0 else [x[:, -by:], zeros], 1)


def _convolve(x: Array, kernel: Array, stride: int) -> Array:
    dimensions = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), "SAME", dimension_numbers=dimensions)


def _keep(x: Array, kernel: Array, stride: int) -> tuple[Array, tuple[Array, Array]]:
    return _convolve(x, kernel, stride), (x, kernel)


def _pull_back(stride: int, kept: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    """The gradients of images and kernel."""
    x, kernel = kept
    to_x = jax.linear_transpose(lambda x: _convolve(x, kernel, stride), x)(gradient)[0]
    general = functools.partial(_to_kernel, like=kernel, stride=stride)
    one_cpu = functools.partial(_to_kernel_one_cpu, like=kernel) if stride == 1 else general
    return to_x, on_platform(general, one_cpu, x, gradient)


convolve_2d.defvjp(_keep, _pull_back)


def _to_kernel(x: Array, gradient: Array, like: Array, stride: int) -> Array:
    return jax.linear_transpose(lambda kernel: _convolve(x, kernel, stride), like)(gradient)[0]


def _to_kernel_one_cpu(x: Array, gradient: Array, like: Array) -> Array:
    """dK[i, j] = sum over places p of x[p] times the gradient at p - (i, j) + (size - 1) // 2, an image at a time.

    The gradient, which mostly has fewer channels than x, is laid beside itself once for each column of the kernel, so
    that an image costs one product a row of the kernel; one image's numbers stay in the cache.
    """
    kh, kw, channels, features = like.shape
    _, height, width, _ = x.shape
    sums = jnp.promote_types(like.dtype, jnp.float32)

    def add(total: Array, image: tuple[Array, Array]) -> tuple[Array, None]:
        x, gradient = image
        around = jnp.pad(gradient, (*((size // 2, (size - 1) // 2) for size in (kh, kw)), (0, 0)))
        columns = jnp.concatenate([around[:, j : j + width] for j in reversed(range(kw))], -1)
        rows = [columns[i : i + height].reshape(-1, kw * features) for i in reversed(range(kh))]
        flat = x.reshape(-1, channels).T
        return total + jnp.stack([jnp.matmul(flat, row, preferred_element_type=sums) for row in rows]), None

    total, _ = jax.lax.scan(add, jnp.zeros((kh, channels, kw * features), sums), (x, gradient))
    return total.reshape(kh, channels, kw, features).transpose(0, 2, 1, 3).astype(like.dtype)
