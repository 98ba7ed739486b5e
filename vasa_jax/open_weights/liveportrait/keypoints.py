"""Keypoints in space, and the way between LivePortrait's frame and ours. Pure functions.

LivePortrait has x right, y down and, as its positive yaw (to the image's left) and pitch (down) show, z away from the
camera. Ours is that frame turned by half a turn about x, so yaw, roll, y and z change their signs and pitch does not.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.geometry import rotation_matrix
from vasa_jax.open_weights.liveportrait.reader import KEYPOINTS, Reading
from vasa_jax.types import HeadPose, Motion

# Ours to LivePortrait's and back.
FLIP = (1.0, -1.0, -1.0)
EXPRESSION_SIZE = 3 * KEYPOINTS


def to_motion(reading: Reading, spare: int) -> Motion:
    """A reading as pose, in our frame, and dynamics: the expression's 63 numbers, in its own, then `spare` zeros."""
    pitch, yaw, roll = (jnp.deg2rad(reading.angles[:, i]) for i in range(3))
    translation = reading.translation * jnp.array(FLIP)
    pose = HeadPose(jnp.stack([-yaw, pitch, -roll], -1), translation, reading.scale)
    expression = reading.expression.reshape(-1, EXPRESSION_SIZE)
    return Motion(pose, jnp.pad(expression, ((0, 0), (0, spare))))


def rotation(pose: HeadPose) -> Float[Array, "b 3 3"]:
    """R of the head in LivePortrait's frame, for columns (the published code has its transpose, for rows)."""
    flip = jnp.array(FLIP)
    return flip[:, None] * rotation_matrix(pose.rotation) * flip


def place(canonical: Float[Array, "b 21 3"], motion: Motion) -> Float[Array, "b 21 3"]:
    """scale (R keypoint + expression) + translation, its z left out (LivePortrait, equation 2): in its frame."""
    pose = motion.pose
    expression = motion.dynamics[:, :EXPRESSION_SIZE].reshape(-1, KEYPOINTS, 3)
    turned = jnp.einsum("bij,bkj->bki", rotation(pose), canonical)
    shift = pose.translation * jnp.array(FLIP) * jnp.array([1.0, 1.0, 0.0])
    return pose.scale[:, None] * (turned + expression) + shift[:, None]
