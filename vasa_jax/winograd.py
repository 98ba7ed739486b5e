"""Convolutions by kernels of 3x3 with a quarter of the products, for a CPU: Winograd's F(4x4, 3x3) (arXiv 1509.09308).

A tile of 6x6 pixels and a kernel are both spread to 6x6 numbers, multiplied one by one, summed over channels by 36
matrix products, and gathered to the 4x4 results. The interpolation points are 0, +-2/3, +-3/2 and infinity: a float32
result is then within some 5e-6 of its largest, half an order nearer than with the usual 0, +-1, +-2.

The kernel is spread in the program that convolves: XLA does it once where the convolution is in a loop.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vasa_jax import tiles

TILE, AROUND = 4, 6  # pixels of a tile's results along an axis, and of what they are made from
NEAR, FAR = 2 / 3, 3 / 2  # points; their product is 1, which saves factors
SUM = NEAR**2 + FAR**2
TILES = 256  # handled at a time, so that what lies between the steps stays in the cache


def _kernel_spread() -> np.ndarray:
    """(6, 3): values of a polynomial of three coefficients at each point, over the product of distances."""
    rows = [[1.0, 0.0, 0.0]]
    for point, other in ((NEAR, FAR), (FAR, NEAR)):
        over = 2 * point**2 * (point**2 - other**2)
        rows += [[1 / over, sign * point / over, point**2 / over] for sign in (1, -1)]
    return np.array([*rows, [0.0, 0.0, 1.0]])


SPREAD = np.kron(_kernel_spread(), _kernel_spread()).astype(np.float32)


def convolve(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "3 3 c f"],
    finish: Callable[..., Array] = lambda made: made,
    beside: Sequence[Float[Array, "b h w _"]] = (),
) -> Float[Array, "b h w _"]:
    """The convolution, zero-padded, of images; what `finish` makes of it and of others, a few rows at a time.

    Args:
      finish: a function of pixels for themselves; of the convolution (b, r, w, f) and the same rows of `beside`.
    """
    batch, height, width, _ = x.shape
    spread = spread_kernel(kernel)
    rows, across = -(-height // TILE), -(-width // TILE)
    step = _largest_divisor(rows, TILES // (across * batch))
    padded = tiles.padded(x, 1, TILE, rows, across)
    others = [tiles.padded(one, 0, TILE, rows, across) for one in beside]

    def band(first: Array | int) -> Array:
        """`step` rows of tiles, from the row of pixels `first` on."""
        seen = spread_images(_rows(padded, first, TILE * step + 2))
        made = gather_tiles(jnp.einsum("tmc,tcf->tmf", seen, spread), batch, step, across)
        return finish(made.astype(x.dtype), *(_rows(one, first, TILE * step) for one in others))

    if step == rows:
        return band(0)[:, :height, :width]
    bands = jax.lax.map(band, TILE * step * jnp.arange(rows // step))
    return jnp.moveaxis(bands, 0, 1).reshape(batch, TILE * rows, TILE * across, -1)[:, :height, :width]


def convolve_volumes(x: Float[Array, "b d h w c"], kernel: Float[Array, "3 3 3 c f"]) -> Float[Array, "b d h w f"]:
    """The convolution, zero-padded, of volumes: slices are spread once and lie beside their depth neighbours."""
    batch, depth, height, width, channels = x.shape
    flat = kernel.transpose(1, 2, 0, 3, 4).reshape(3, 3, 3 * channels, -1)
    spread = spread_kernel(flat)
    rows, across = -(-height // TILE), -(-width // TILE)
    count = rows * across
    step = _largest_divisor(depth, TILES // (count * batch))
    padded = jnp.pad(x, ((0, 0), (1, 1), *((0, 0),) * 3))
    padded = tiles.padded(padded.reshape(batch * (depth + 2), height, width, channels), 1, TILE, rows, across)
    padded = padded.reshape(batch, depth + 2, *padded.shape[1:])

    def some(first: Array | int) -> Array:
        """`step` slices, from the slice `first` on."""
        slices = jax.lax.dynamic_slice_in_dim(padded, first, step + 2, 1)
        seen = spread_images(slices.reshape(-1, *padded.shape[2:]))
        seen = seen.reshape(AROUND**2, batch, step + 2, count, channels)
        joined = jnp.concatenate([seen[:, :, i : i + step] for i in range(3)], -1)
        made = jnp.einsum("tmc,tcf->tmf", joined.reshape(AROUND**2, -1, 3 * channels), spread)
        made = gather_tiles(made, batch * step, rows, across)
        return made.reshape(batch, step, *made.shape[1:]).astype(x.dtype)

    parts = some(0) if step == depth else jax.lax.map(some, step * jnp.arange(depth // step))
    if step < depth:
        parts = jnp.moveaxis(parts, 0, 1).reshape(batch, depth, *parts.shape[3:])
    return parts[:, :, :height, :width]


def spread_kernel(kernel: Float[Array, "3 3 c f"]) -> Float[Array, "36 c f"]:
    """In float32, as all between spreading and gathering."""
    flat = kernel.astype(jnp.float32).reshape(9, -1)
    return jnp.matmul(SPREAD, flat).reshape(AROUND**2, *kernel.shape[2:])


def spread_images(padded: Float[Array, "b h w c"]) -> Float[Array, "36 tiles c"]:
    """Tiles, which overlap by two pixels, of images with a pixel around them."""
    x = padded.astype(jnp.float32)
    down = jnp.stack(_spread([tiles.every(x, i, 1, TILE, AROUND) for i in range(AROUND)]))
    both = jnp.stack(_spread([tiles.every(down, i, 3, TILE, AROUND) for i in range(AROUND)]), 1)
    return both.reshape(AROUND**2, -1, x.shape[-1])


def gather_tiles(made: Float[Array, "36 tiles f"], batch: int, rows: int, across: int) -> Float[Array, "b h w f"]:
    """The results of so many tiles, in the order of `spread_images`."""
    made = made.reshape(AROUND, AROUND, batch, rows, across, -1)
    right = jnp.stack(_gather([made[:, i] for i in range(AROUND)]), 4)
    both = jnp.stack(_gather([right[i] for i in range(AROUND)]), 2)
    return both.reshape(batch, TILE * rows, TILE * across, -1)


def _spread(x: list[Array]) -> list[Array]:
    """Six neighbours to the values at the points: 0, +-NEAR, +-FAR, infinity."""
    parts = [x[0] - SUM * x[2] + x[4]]
    for point, other in ((NEAR, FAR), (FAR, NEAR)):
        even, odd = x[4] - other**2 * x[2], point * (x[3] - other**2 * x[1])
        parts += [even + odd, even - odd]
    return [*parts, x[1] - SUM * x[3] + x[5]]


def _gather(y: list[Array]) -> list[Array]:
    """Values at the points to four results."""
    near, far = (y[1] + y[2], y[1] - y[2]), (y[3] + y[4], y[3] - y[4])
    results = [y[0] + near[0] + far[0]]
    results += [NEAR**k * near[k % 2] + FAR**k * far[k % 2] for k in (1, 2, 3)]
    return [*results[:3], results[3] + y[5]]


def _largest_divisor(number: int, limit: int) -> int:
    """Of those up to `limit`; at least 1."""
    return next(step for step in range(max(1, min(number, limit)), 0, -1) if number % step == 0)


def _rows(x: Array, first: Array | int, count: int) -> Array:
    return jax.lax.dynamic_slice_in_dim(x, first, count, 1)
