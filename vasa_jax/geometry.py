"""Where things are: rotations, rigid head motion and grids. Pure functions, no weights.

One frame for everything: x right, y up, z towards the camera, the image square is [-1, 1] x [-1, 1] and volumes fill
[-1, 1] cubed. Arrays are stored row 0 at the top (y = +1) and depth 0 at the back (z = -1); a cell's coordinate is its
centre, so cell i of n lies at (i + 1/2) / n * 2 - 1.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vasa_jax.types import HeadPose


def rotation_matrix(angles: Float[Array, "*batch 3"]) -> Float[Array, "*batch 3 3"]:
    """R = Rz(roll) Ry(yaw) Rx(pitch) from yaw, pitch, roll in radians (see `HeadPose` for the signs)."""
    yaw, pitch, roll = (angles[..., i] for i in range(3))
    zero, one = jnp.zeros_like(yaw), jnp.ones_like(yaw)

    def matrix(*entries):
        return jnp.stack(entries, -1).reshape(*angles.shape[:-1], 3, 3)

    (cy, sy), (cp, sp), (cr, sr) = ((jnp.cos(a), jnp.sin(a)) for a in (yaw, pitch, roll))
    about_z = matrix(cr, -sr, zero, sr, cr, zero, zero, zero, one)
    about_y = matrix(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    about_x = matrix(one, zero, zero, zero, cp, -sp, zero, sp, cp)
    return about_z @ about_y @ about_x


def rotation_angles(matrix: Float[Array, "*batch 3 3"]) -> Float[Array, "*batch 3"]:
    """Yaw, pitch, roll of a rotation, yaw within a quarter turn: the inverse of `rotation_matrix`."""
    yaw = jnp.arctan2(-matrix[..., 2, 0], jnp.hypot(matrix[..., 2, 1], matrix[..., 2, 2]))
    pitch = jnp.arctan2(matrix[..., 2, 1], matrix[..., 2, 2])
    roll = jnp.arctan2(matrix[..., 1, 0], matrix[..., 0, 0])
    return jnp.stack([yaw, pitch, roll], -1)


def canonical_to_image(points: Float[Array, "batch *grid 3"], pose: HeadPose) -> Float[Array, "batch *grid 3"]:
    """scale * R @ q + translation: where canonical points stand in front of the camera."""
    turned = jnp.einsum("bij,b...j->b...i", rotation_matrix(pose.rotation), points)
    return _over_grid(pose.scale, points) * turned + _over_grid(pose.translation, points)


def image_to_canonical(points: Float[Array, "batch *grid 3"], pose: HeadPose) -> Float[Array, "batch *grid 3"]:
    """The inverse of `canonical_to_image`: R^T (p - translation) / scale."""
    centred = (points - _over_grid(pose.translation, points)) / _over_grid(pose.scale, points)
    return jnp.einsum("bji,b...j->b...i", rotation_matrix(pose.rotation), centred)


def _over_grid(value, points):
    """(batch, n) -> (batch, 1, ..., 1, n), to broadcast over the grid axes of `points`."""
    return value.reshape(value.shape[0], *(1,) * (points.ndim - 2), value.shape[-1])


def volume_grid(depth: int, height: int, width: int) -> np.ndarray:
    """(depth, height, width, 3) float32 coordinates of the cell centres of a volume."""
    z, y, x = np.meshgrid(cell_centres(depth), -cell_centres(height), cell_centres(width), indexing="ij")
    return np.stack([x, y, z], -1).astype(np.float32)


def cell_centres(n: int) -> np.ndarray:
    """(n,) coordinates in (-1, 1) of n equal cells."""
    return (np.arange(n) + 0.5) / n * 2 - 1
