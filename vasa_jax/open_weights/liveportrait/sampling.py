"""Sampling as LivePortrait does it: grids from -1 to 1 whose ends lie on the volume's faces, and zeros outside.

A coordinate x on an axis of n cells is at cell (x + 1) n / 2 - 1/2, so the grid's steps are n / (n - 1) cells wide.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vasa_jax.sampling import sample_volume


def axis(n: int) -> np.ndarray:
    """(n,) float32 coordinates of the grid on an axis of n cells."""
    return np.linspace(-1, 1, n, dtype=np.float32)


def grid(depth: int, height: int, width: int) -> np.ndarray:
    """(depth, height, width, 3) float32 points x, y, z: x right, y down."""
    z, y, x = np.meshgrid(axis(depth), axis(height), axis(width), indexing="ij")
    return np.stack([x, y, z], -1)


def shifted_copies(volume: Float[Array, "b d h w c"], shifts: Float[Array, "b k 3"]) -> Float[Array, "b d h w k c"]:
    """The volume sampled at the grid plus each of K shifts.

    A shifted grid is still a product of three axes, so each copy is three products with small matrices, and no
    gather: exact, zeros outside included.
    """
    x, y, z = (_interpolation(size, shifts[..., i]).astype(volume.dtype) for i, size in enumerate(volume.shape[3:0:-1]))
    h = jnp.einsum("bkwv,bdhvc->bdhkwc", x, volume)
    h = jnp.einsum("bkhg,bdgkwc->bdkhwc", y, h)
    return jnp.einsum("bkde,bekhwc->bdhwkc", z, h)


def _interpolation(n: int, shifts: Float[Array, "b k"]) -> Float[Array, "b k n n"]:
    """Weights of the cells (last axis) at each grid coordinate plus a shift: a hat of one cell's width around it."""
    position = (axis(n) + shifts[..., None].astype(jnp.float32) + 1) * n / 2 - 0.5
    return jnp.maximum(1 - jnp.abs(position[..., None] - jnp.arange(n)), 0)


def with_zeros_around(volume: Float[Array, "b d h w c"]) -> Float[Array, "b d2 h2 w2 c"]:
    """One more cell of zeros on every face: what `sample_with_zeros` reads; made once a portrait."""
    return jnp.pad(volume, ((0, 0), (1, 1), (1, 1), (1, 1), (0, 0)))


def sample_with_zeros(
    padded: Float[Array, "b d2 h2 w2 c"], points: Float[Array, "b *grid 3"]
) -> Float[Array, "b *grid c"]:
    """Trilinear values at points of this frame, zeros outside; of a volume `with_zeros_around`."""
    cells = np.array(padded.shape[3:0:-1], np.float32)
    return sample_volume(padded, points.astype(jnp.float32) * ((cells - 2) / cells * np.float32([1, -1, 1])))
