"""A convolution by a large kernel as products of spectra, for a CPU: an eighth of the multiplications for 7x7x7.

Slices are cut into tiles that overlap; their spectra, over height and width, are multiplied by that of the kernel and
summed over channels by one matrix product a frequency. Depth taps are outputs, shifted and added. The transforms are
matrix products too: tiles are too small for fast ones to be faster.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vasa_jax import tiles

RESULTS = 16  # of a tile along an axis


def convolve(x: Float[Array, "b d h w c"], kernel: Float[Array, "t s s c f"]) -> Float[Array, "b d h w f"]:
    """The convolution, zero-padded, of volumes; kernels have odd sizes, sums are in float32."""
    batch, depth, height, width, channels = x.shape
    taps, size, _, _, features = kernel.shape
    rows, across = -(-height // RESULTS), -(-width // RESULTS)
    n = RESULTS + size - 1
    slices = x.astype(jnp.float32).reshape(-1, height, width, channels)
    spectra = _spectra(tiles.padded(slices, size // 2, RESULTS, rows, across), n)
    products = jnp.einsum("ksc,kcf->ksf", spectra, _kernel_spectra(kernel.astype(jnp.float32), n))
    products = products.reshape(len(products), batch, depth, rows * across, 2, taps, features)
    padded = jnp.pad(products, ((0, 0), (0, 0), (taps // 2, taps // 2), *((0, 0),) * 4))
    summed = sum(padded[:, :, i : i + depth, :, :, i] for i in range(taps))
    images = _images(summed.reshape(n, n // 2 + 1, -1, 2, features), n)
    images = images.reshape(RESULTS, RESULTS, batch, depth, rows, across, features).transpose(2, 3, 4, 0, 5, 1, 6)
    whole = images.reshape(batch, depth, RESULTS * rows, RESULTS * across, features)
    return whole[:, :, :height, :width].astype(x.dtype)


def _spectra(x: Float[Array, "slices h w c"], n: int) -> Float[Array, "k tiles c2"]:
    """Real and then imaginary parts of all tiles' frequencies, k over height's n and width's n // 2 + 1."""
    half, channels = n // 2 + 1, x.shape[-1]
    right = jnp.tensordot(_real_to_complex(n), jnp.stack([tiles.every(x, i, 2, RESULTS, n) for i in range(n)]), 1)
    down = jnp.stack([tiles.every(right, i, 3, RESULTS, n) for i in range(n)]).reshape(2 * n, half, -1, channels)
    parts = jnp.tensordot(_complex_to_complex(n), down, 1).reshape(2, n * half, -1, channels)
    return jnp.concatenate([parts[0], parts[1]], -1)


def _kernel_spectra(kernel: Float[Array, "t s s c f"], n: int) -> Float[Array, "k c2 f2"]:
    """Conjugated, as what real and imaginary inputs give to real and imaginary outputs; taps before features."""
    taps, size, _, channels, features = kernel.shape
    phases = np.exp(2j * np.pi * np.outer(np.arange(n), np.arange(size)) / n)
    both = np.einsum("ai,bj->abij", phases, phases[: n // 2 + 1]).reshape(-1, size**2)
    flat = kernel.transpose(1, 2, 3, 0, 4).reshape(size**2, -1)
    shape = (-1, channels, taps * features)
    real, imaginary = (jnp.matmul(part.astype(np.float32), flat).reshape(shape) for part in (both.real, both.imag))
    by_real = jnp.concatenate([real, imaginary], -1)
    return jnp.concatenate([by_real, jnp.concatenate([-imaginary, real], -1)], 1)


def _images(spectra: Float[Array, "n half tiles 2 f"], n: int) -> Float[Array, "r r tiles f"]:
    """The first results of the inverse transform, over height and over width; the others hold the tile's ends."""
    angles = 2 * np.pi * np.outer(np.arange(RESULTS), np.arange(n)) / n
    cos, sin = np.cos(angles), np.sin(angles)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], 1)
    columns = jnp.einsum("yonp,nktpf->ykotf", turn.astype(np.float32) / n, spectra)
    half = np.arange(n // 2 + 1)
    times = np.where((half == 0) | (2 * half == n), 1, 2)  # a frequency and its mirror image
    weights = np.stack([times * cos[:, half], -times * sin[:, half]], -1).astype(np.float32) / n
    return jnp.einsum("xko,ykotf->yxtf", weights, columns)


def _real_to_complex(n: int) -> np.ndarray:
    """(2, n // 2 + 1, n) float32: real and imaginary parts of the frequencies from 0 to n // 2."""
    angles = 2 * np.pi * np.outer(np.arange(n // 2 + 1), np.arange(n)) / n
    return np.stack([np.cos(angles), -np.sin(angles)]).astype(np.float32)


def _complex_to_complex(n: int) -> np.ndarray:
    """(2, n, 2 n) float32: real and imaginary parts of n frequencies, of n numbers whose parts take turns."""
    angles = 2 * np.pi * np.outer(np.arange(n), np.arange(n)) / n
    cos, sin = np.cos(angles), np.sin(angles)
    parts = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)])
    return parts.reshape(2, n, 2 * n).astype(np.float32)
