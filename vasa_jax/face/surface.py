"""Where a head's surface is, roughly: half an ellipsoid in the canonical frame. Used as a prior, never as a result."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vasa_jax.geometry import canonical_to_image, cell_centres
from vasa_jax.sampling import sample_image
from vasa_jax.types import HeadPose

HALF_WIDTH, HALF_HEIGHT, HALF_DEPTH, CENTRE_Y = 0.75, 1.25, 0.8, -0.05
BEHIND = -0.1  # depth given to whatever lies outside the head's outline


def surface_depth(x: Float[Array, "*grid"], y: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
    """z of the head's front at canonical (x, y); `BEHIND` outside the outline."""
    inside = _inside(x, y)
    return jnp.where(inside > 0, HALF_DEPTH * jnp.sqrt(jnp.maximum(inside, 1e-6)), BEHIND)


def _inside(x, y):
    """1 at the centre of the head's outline, 0 on it, negative outside."""
    return 1 - (x / HALF_WIDTH) ** 2 - ((y - CENTRE_Y) / HALF_HEIGHT) ** 2


def surface_logit(points: Float[Array, "*grid 3"], thickness: float = 0.35) -> Float[Array, "*grid"]:
    """Log-weight of a canonical point as the visible one: falls off with its distance in depth from the surface."""
    return -(((points[..., 2] - surface_depth(points[..., 0], points[..., 1])) / thickness) ** 2)


def unroll(image: Float[Array, "b s s c"], pose: HeadPose, size: int) -> Float[Array, "b {size} {size} c"]:
    """The face seen from its front: the image sampled on the surface prior under the head's pose [ours].

    What the dynamics encoder of a small model looks at: pose and scale are taken out before it has to learn to ignore
    them. The view spans the face from the brows to the chin.
    """
    c = cell_centres(size)
    x, y = np.meshgrid(0.66 * c, -0.72 * c - 0.12)
    z = HALF_DEPTH * np.sqrt(np.maximum(_inside(x, y), 0.05))
    points = jnp.broadcast_to(np.stack([x, y, z], -1).astype(np.float32), (image.shape[0], size, size, 3))
    return sample_image(image, canonical_to_image(points, pose)[..., :2])


def crop(image: Float[Array, "b s s c"], pose: HeadPose, size: int) -> Float[Array, "b {size} {size} c"]:
    """The square around the face's centre at the head's scale, not turned: what the paper's dynamics encoder sees."""
    c = cell_centres(size)
    x, y = np.meshgrid(0.75 * c, -0.75 * c - 0.1)
    square = jnp.asarray(np.stack([x, y], -1), jnp.float32)
    points = pose.scale[:, None, None] * square + pose.translation[:, None, None, :2]
    return sample_image(image, points)
