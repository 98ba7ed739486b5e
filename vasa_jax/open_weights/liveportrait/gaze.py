"""Where the eyes look, as an offset of the expression: from the sliders of LivePortrait's own editor."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.open_weights.liveportrait.reader import KEYPOINTS

LEFT_EYE, RIGHT_EYE, LEFT_LID, RIGHT_LID = 11, 15, 13, 16  # keypoints, as on the image
WIDEST = (30.0, 63.0)  # ends of the sliders
NEAR, FAR = 0.0007, 0.001  # x of the eye that is turned outwards a slider's unit, and of the other
EYE_UP, LID_UP = 0.0005, 0.00015  # y a slider's unit, upwards


def look_offset(look: Float[Array, "2"]) -> Float[Array, "63"]:
    """The offset of the expression, in LivePortrait's frame; `look` to the image's right and up, -1 to 1."""
    x, y = look[0] * WIDEST[0], look[1] * WIDEST[1]
    right = x > 0
    offset = jnp.zeros((KEYPOINTS, 3))
    offset = offset.at[LEFT_EYE].set(jnp.stack([x * jnp.where(right, NEAR, FAR), -y * EYE_UP, jnp.zeros(())]))
    offset = offset.at[RIGHT_EYE].set(jnp.stack([x * jnp.where(right, FAR, NEAR), -y * EYE_UP, jnp.zeros(())]))
    return offset.at[jnp.array([LEFT_LID, RIGHT_LID]), 1].set(-y * LID_UP).reshape(-1)
