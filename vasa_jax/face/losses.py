"""The losses of stage 1, as pure functions. Images are (B, S, S, 3) in [-1, 1]; every result is a scalar.

The reconstruction is always against the DRIVER frame (VASA-1, section 3.1; MegaPortraits, section 3.1):
against the source frame, a model that copies would win.
"""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.layers import halve

Features = Callable[[Array], Sequence[Array]]

MOUTH, LEFT_EYE, RIGHT_EYE = slice(48, 68), slice(36, 42), slice(42, 48)  # iBUG landmarks
MARGIN, SHARPNESS = 0.06, 30.0  # of a region's box, in units of half the image side


def l1(
    image: Float[Array, "b h w c"], target: Float[Array, "b h w c"], weight: Float[Array, "b h w 1"]
) -> Array:
    """Mean of weight * |image - target|."""
    return jnp.mean(weight * jnp.abs(image - target))


def multiscale_l1(
    image: Float[Array, "b h w c"],
    target: Float[Array, "b h w c"],
    weight: Float[Array, "b h w 1"],
    levels: int = 2,
) -> Array:
    """Sum of `l1` at 1/2, 1/4, ... of the size: shape and shade where single pixels do not agree yet."""
    difference, total = image - target, jnp.zeros(())
    for _ in range(levels):
        difference, weight = halve(difference), halve(weight)
        total += jnp.mean(weight * jnp.abs(difference))
    return total


def gradient_l1(
    image: Float[Array, "b h w c"], target: Float[Array, "b h w c"], weight: Float[Array, "b h w 1"]
) -> Array:
    """L1 between the differences of neighbouring pixels: edges of lips, lids and teeth."""
    difference = image - target
    down = weight[:, 1:] * jnp.abs(difference[:, 1:] - difference[:, :-1])
    right = weight[:, :, 1:] * jnp.abs(difference[:, :, 1:] - difference[:, :, :-1])
    return jnp.mean(down) + jnp.mean(right)


def perceptual(image: Float[Array, "b h w c"], target: Float[Array, "b h w c"], features: Features) -> Array:
    """Mean over the layers of |features(image) - features(target)|, each layer relative to the target's mean
    size.

    Args:
      features: a frozen network, image -> a sequence of feature maps (vasa_jax.judges).
    """
    layers = zip(features(image), features(jax.lax.stop_gradient(target)), strict=True)
    relative = [jnp.mean(jnp.abs(a - b)) / (jnp.mean(jnp.abs(b)) + 1e-6) for a, b in layers]
    return sum(relative) / len(relative)


def pose_l1(pose: Float[Array, "b 7"], target: Float[Array, "b 7"]) -> Array:
    """Mean absolute error of yaw, pitch, roll (radians), translation x, y and scale.

    The z of the translation is left out: weak perspective does not show it.
    """
    seen = jnp.array([1, 1, 1, 1, 1, 0, 1], pose.dtype)
    return jnp.sum(seen * jnp.abs(pose - target)) / (seen.sum() * pose.shape[0])


def label_mse(read: Float[Array, "b n"], target: Float[Array, "b n"], scale: Float[Array, " n"]) -> Array:
    """Mean squared error of labels in units of their standard deviation `scale`: about 1 for a constant guess."""
    return jnp.mean(((read - target) / scale) ** 2)


def region_weights(
    landmarks: Float[Array, "b 68 2"], size: int, mouth: float, eyes: float
) -> Float[Array, "b s s 1"]:
    """1 everywhere, `1 + mouth` in the box of the lips, `1 + eyes` in the boxes of the eyes, with soft rims.

    Args:
      landmarks: iBUG order, x right and y up in [-1, 1].
      size: side S of the image.
    """
    boxes = [_soft_box(landmarks[:, part], size) for part in (MOUTH, LEFT_EYE, RIGHT_EYE)]
    return 1 + mouth * boxes[0] + eyes * (boxes[1] + boxes[2])


def _soft_box(points: Float[Array, "b n 2"], size: int) -> Float[Array, "b s s 1"]:
    low, high = points.min(1) - MARGIN, points.max(1) + MARGIN
    x = (jnp.arange(size) + 0.5) / size * 2 - 1

    def inside(at: Array, axis: int) -> Array:
        rise = nn.sigmoid((at - low[:, axis, None]) * SHARPNESS)
        return rise * nn.sigmoid((high[:, axis, None] - at) * SHARPNESS)

    return (inside(-x, 1)[:, :, None] * inside(x, 0)[:, None, :])[..., None]
