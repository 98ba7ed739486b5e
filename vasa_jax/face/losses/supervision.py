"""What labels and a gaze network ask of the encoders and of the drawn eyes ("weakly supervised", VASA-1, section 3.1)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def pose_l1(pose: Float[Array, "b 7"], target: Float[Array, "b 7"]) -> Array:
    """Mean absolute error of yaw, pitch, roll (radians), translation x, y and scale.

    The z of the translation is left out: weak perspective does not show it.
    """
    seen = jnp.array([1, 1, 1, 1, 1, 0, 1], pose.dtype)
    return jnp.sum(seen * jnp.abs(pose - target)) / (seen.sum() * pose.shape[0])


def label_mse(read: Float[Array, "b n"], target: Float[Array, "b n"], scale: Float[Array, " n"]) -> Array:
    """Mean squared error of labels in units of their standard deviation `scale`: about 1 for a constant guess."""
    return jnp.mean(((read - target) / scale) ** 2)


def gaze(read: Float[Array, "b 2"], target: Float[Array, "b 2"]) -> Array:
    """Mean |difference| of the gaze (yaw, pitch in radians) that a frozen network reads from drawn and from true eyes.

    MegaPortraits, section 3.2, weighs its gaze loss with 5.

    Args:
      read: from the drawn image. target: from the driver frame; gets no gradient.
    """
    return jnp.mean(jnp.abs(read - jax.lax.stop_gradient(target)))
