"""What the latent space gives: one person's motion on another's face. Pure functions of Motion, no weights.

Appearance and motion come apart in it (VASA-1, section 3.1), so a portrait is reenacted by decoding its appearance with
motion that was read elsewhere, and edited by decoding it with its own motion, changed.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.face import Face
from vasa_jax.geometry import rotation_angles, rotation_matrix
from vasa_jax.motion import Statistics
from vasa_jax.types import POSE_SIZE, HeadPose, Motion


def retarget(source: Motion, driving: Motion, reference: Motion, additive: bool = False) -> Motion:
    """The driving motion, its pose relative to `reference` and carried out from the source's own pose.

    Head i of the driving clip stands at s_i R_i q + t_i, its reference at s_0 R_0 q + t_0. The source's head is
    turned by R_i R_0^T as the camera sees it, enlarged by s_i / s_0, and moved by t_i - t_0 in sizes of its head
    [ours]. Dynamics are taken as they are: a closed mouth is closed on every face. Those that are `additive` (see
    `face.interface`) are the source's own plus their change since the reference.

    Args:
      source: (1, ...) the portrait's own motion.
      driving: (T, ...) motion of the clip.
      reference: (1, ...) where the clip's pose counts as no movement; usually its first frame.
    """
    own, clip, rest = source.pose, driving.pose, reference.pose
    turn = rotation_matrix(clip.rotation) @ _transposed(rotation_matrix(rest.rotation))
    rotation = rotation_angles(turn @ rotation_matrix(own.rotation))
    growth = own.scale / rest.scale
    translation = own.translation + growth * (clip.translation - rest.translation)
    dynamics = source.dynamics + driving.dynamics - reference.dynamics if additive else driving.dynamics
    return Motion(HeadPose(rotation, translation, growth * clip.scale), dynamics)


def combine(pose: Motion, dynamics: Motion) -> Motion:
    """The head pose of one clip with the facial dynamics of another, as long as the shorter."""
    frames = min(pose.dynamics.shape[0], dynamics.dynamics.shape[0])
    return Motion(
        HeadPose(pose.pose.rotation[:frames], pose.pose.translation[:frames], pose.pose.scale[:frames]),
        dynamics.dynamics[:frames],
    )


def edit(motion: Motion, turn: Float[Array, "3"], expression: Motion | None = None) -> Motion:
    """A portrait's own motion, its head turned, its expression that of another picture.

    Args:
      motion: (B, ...) to change.
      turn: yaw, pitch, roll in radians with the signs of HeadPose, from where the head is, as the camera sees it.
      expression: (B, ...) whose dynamics replace the own; None to keep these.
    """
    pose = motion.pose
    rotation = rotation_angles(rotation_matrix(turn) @ rotation_matrix(pose.rotation))
    dynamics = motion.dynamics if expression is None else expression.dynamics
    return Motion(HeadPose(rotation, pose.translation, pose.scale), dynamics)


def transfer(
    statistics: Statistics,
    pose: Motion,
    dynamics: Motion,
    own: Motion,
    reference: Motion,
    relative: bool,
    additive: bool = False,
) -> jax.Array:
    """Standardised motion (B, M): the pose of one clip, if asked relative to `reference`, the dynamics of another."""
    motion = combine(pose, dynamics)
    if relative:
        motion = retarget(own, motion, reference, additive)
    return statistics.standardise(motion.vector)


def edit_motion(statistics: Statistics, own: Motion, turn: jax.Array, expression: Motion | None) -> jax.Array:
    """Standardised motion (1, M) of a portrait, see `reenact.edit`."""
    return statistics.standardise(edit(own, turn, expression).vector)


def touch_motion(
    face: Face, statistics: Statistics, motion: jax.Array, strength: jax.Array, turn: jax.Array, look: jax.Array | None
) -> jax.Array:
    """Standardised motion (T, M), its dynamics times `strength`, the head turned on by (3,) radians, eyes by (2,)."""
    scaled = jnp.concatenate([motion[:, :POSE_SIZE], strength * motion[:, POSE_SIZE:]], -1)
    turned = edit(Motion.from_vector(statistics.restore(scaled)), turn)
    if look is not None:
        turned = turned.replace(dynamics=face.apply({}, turned.dynamics, look, method="look"))
    return statistics.standardise(turned.vector)


def _transposed(matrix: Float[Array, "*batch 3 3"]) -> Float[Array, "*batch 3 3"]:
    return jnp.swapaxes(matrix, -1, -2)
