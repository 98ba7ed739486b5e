"""What labels ask of the encoders and a gaze network of the drawn eyes ("weakly supervised", VASA-1, section 3.1)."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.face.losses.reconstruction import relative_l1


def pose_l1(pose: Float[Array, "b 7"], target: Float[Array, "b 7"]) -> Array:
    """Mean absolute error of yaw, pitch, roll (radians), translation x, y and scale.

    The z of the translation is left out: weak perspective does not show it.
    """
    seen = jnp.array([1, 1, 1, 1, 1, 0, 1], pose.dtype)
    return jnp.sum(seen * jnp.abs(pose - target)) / (seen.sum() * pose.shape[0])


def label_mse(read: Float[Array, "b n"], target: Float[Array, "b n"], scale: Float[Array, " n"]) -> Array:
    """Mean squared error of labels in units of their standard deviation `scale`: about 1 for a constant guess.

    A target that is not known (NaN) counts with weight 0, in the mean too; 0 without any.
    """
    known = jnp.isfinite(target)
    # Chosen before the difference is taken: a NaN behind a `where` still poisons the gradient.
    error = ((read - jnp.where(known, target, read)) / scale) ** 2
    return jnp.sum(error) / jnp.maximum(jnp.sum(known), 1)


def gaze(
    angles: Float[Array, "b 2"],
    target: Float[Array, "b 2"],
    features: Sequence[Array],
    target_features: Sequence[Array],
) -> Array:
    """What a frozen gaze network sees in drawn and in true eyes: mean |difference| of the angles, and of its features
    relative to their mean size (MegaPortraits, section 3.2, weight 5; which of the two it takes it leaves open).

    Args:
      angles, features: of the drawn image; yaw and pitch in radians.
      target, target_features: of the driver frame; get no gradient.
    """
    target, target_features = jax.lax.stop_gradient((target, target_features))
    layers = [relative_l1(a, b) for a, b in zip(features, target_features, strict=True)]
    return jnp.mean(jnp.abs(angles - target)) + sum(layers) / len(layers)
