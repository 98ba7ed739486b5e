"""How far a drawn image is from the frame it should be.

The reconstruction is always against the DRIVER frame (VASA-1, section 3.1; MegaPortraits, section 3.1): against the
source frame, a model that copies would win.
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
    """Mean of weight * |image - target|; the reconstruction of VASA-1, section 3.1, whose metric it leaves open."""
    return jnp.mean(weight * jnp.abs(image - target))


def multiscale_l1(
    image: Float[Array, "b h w c"],
    target: Float[Array, "b h w c"],
    weight: Float[Array, "b h w 1"],
    levels: int = 2,
) -> Array:
    """Sum of `l1` at 1/2, 1/4, ... of the size: shape and shade where single pixels do not agree yet [ours]."""
    difference, total = image - target, jnp.zeros(())
    for _ in range(levels):
        difference, weight = halve(difference), halve(weight)
        total += jnp.mean(weight * jnp.abs(difference))
    return total


def gradient_l1(
    image: Float[Array, "b h w c"], target: Float[Array, "b h w c"], weight: Float[Array, "b h w 1"]
) -> Array:
    """L1 between the differences of neighbouring pixels: edges of lips, lids and teeth [ours]."""
    difference = image - target
    down = weight[:, 1:] * jnp.abs(difference[:, 1:] - difference[:, :-1])
    right = weight[:, :, 1:] * jnp.abs(difference[:, :, 1:] - difference[:, :, :-1])
    return jnp.mean(down) + jnp.mean(right)


def perceptual(
    image: Float[Array, "b h w c"],
    target: Float[Array, "b h w c"],
    features: Features,
    weight: Float[Array, "b h w 1"] | None = None,
    levels: int = 1,
) -> Array:
    """Mean over layers and levels of |features(image) - features(target)|, relative to the target's mean size.

    MegaPortraits weighs VGG19's features with 20, at several sizes of the image. Relative to each layer's size, so
    that one weight serves every network.

    Args:
      features: a frozen network, image -> a sequence of feature maps (vasa_jax.judges).
      weight: where the images count, such as a foreground mask; everywhere if None.
      levels: sizes looked at: 1, 1/2, ... of the image.
    """
    target = jax.lax.stop_gradient(target)
    if weight is not None:
        image, target = image * weight, target * weight
    distances = []
    for level in range(levels):
        if level:
            image, target = halve(image), halve(target)
        distances += [relative_l1(a, b) for a, b in zip(features(image), features(target), strict=True)]
    return sum(distances) / len(distances)


def relative_l1(features: Array, target: Array) -> Array:
    """Mean |difference| over the target's mean size, in float32."""
    features, target = features.astype(jnp.float32), target.astype(jnp.float32)
    return jnp.mean(jnp.abs(features - target)) / (jnp.mean(jnp.abs(target)) + 1e-6)


def region_weights(
    landmarks: Float[Array, "b 68 2"],
    size: int,
    mouth: float,
    eyes: float,
    foreground: Float[Array, "b s s 1"] | None = None,
) -> Float[Array, "b s s 1"]:
    """1 everywhere, `1 + mouth` in the box of the lips, `1 + eyes` in the boxes of the eyes, with soft rims.

    Args:
      landmarks: iBUG order, x right and y up in [-1, 1].
      size: side S of the image.
      foreground: mask in [0, 1] that all is multiplied with: MegaPortraits, section 4, found it essential on videos
        whose background moves.
    """
    boxes = [_soft_box(landmarks[:, part], size) for part in (MOUTH, LEFT_EYE, RIGHT_EYE)]
    weights = 1 + mouth * boxes[0] + eyes * (boxes[1] + boxes[2])
    return weights if foreground is None else weights * foreground


def _soft_box(points: Float[Array, "b n 2"], size: int) -> Float[Array, "b s s 1"]:
    low, high = points.min(1) - MARGIN, points.max(1) + MARGIN
    x = (jnp.arange(size) + 0.5) / size * 2 - 1

    def inside(at: Array, axis: int) -> Array:
        rise = nn.sigmoid((at - low[:, axis, None]) * SHARPNESS)
        return rise * nn.sigmoid((high[:, axis, None] - at) * SHARPNESS)

    return (inside(-x, 1)[:, :, None] * inside(x, 0)[:, None, :])[..., None]
