"""The motion extractor M: an image to keypoints, expression and head pose, by ConvNeXt V2 (arXiv 2301.00808)."""

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vasa_jax.types import Leaf

KEYPOINTS = 21
BINS = 66  # of an angle, 3 degrees each
EPSILON = 1e-6
# What the last layer gives, in the order of its outputs.
HEADS = {"keypoints": 3 * KEYPOINTS, "expression": 3 * KEYPOINTS, "translation": 3, "scale": 1,
         "pitch": BINS, "yaw": BINS, "roll": BINS}  # fmt: skip


@flax.struct.dataclass
class Reading:
    """What M sees in an image, in LivePortrait's own frame: x right, y down.

    Attributes:
      keypoints: (B, 21, 3) canonical: the person's, without pose and expression.
      expression: (B, 21, 3) offsets of the keypoints.
      translation: (B, 3).
      scale: (B, 1).
      angles: (B, 3) pitch, yaw, roll in degrees.
    """

    keypoints: Leaf
    expression: Leaf
    translation: Leaf
    scale: Leaf
    angles: Leaf


class ResponseNorm(nn.Module):
    """Global response normalisation: a channel counts as much as its norm over space is above the mean norm."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        gain = self.param("scale", nn.initializers.zeros, x.shape[-1:])
        offset = self.param("offset", nn.initializers.zeros, x.shape[-1:])
        norm = jnp.sqrt(jnp.sum(jnp.square(x.astype(jnp.float32)), (1, 2), keepdims=True))
        share = (norm / (norm.mean(-1, keepdims=True) + EPSILON)).astype(x.dtype)
        return x * (1 + gain.astype(x.dtype) * share) + offset.astype(x.dtype)


class ConvNeXtBlock(nn.Module):
    """Depthwise 7x7 convolution, layer norm, linear, GELU, response norm, linear, plus the input."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        width = x.shape[-1]
        h = nn.Conv(width, (7, 7), feature_group_count=width, dtype=x.dtype, name="depthwise")(x)
        h = nn.LayerNorm(EPSILON, dtype=x.dtype, name="norm")(h)
        h = nn.gelu(nn.Dense(4 * width, dtype=x.dtype, name="widen")(h), approximate=False)
        return x + nn.Dense(width, dtype=x.dtype, name="narrow")(ResponseNorm(name="response")(h))


class MotionExtractor(nn.Module):
    """M. The published sizes are the defaults."""

    depths: tuple[int, ...] = (3, 3, 9, 3)
    widths: tuple[int, ...] = (96, 192, 384, 768)

    @nn.compact
    def __call__(self, image: Float[Array, "b s s 3"]) -> Reading:
        """Reads an image in [0, 1]."""
        x = nn.Conv(self.widths[0], (4, 4), (4, 4), dtype=image.dtype, name="stem")(image)
        x = nn.LayerNorm(EPSILON, dtype=x.dtype, name="stem_norm")(x)
        for stage, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True)):
            if stage:
                x = nn.LayerNorm(EPSILON, dtype=x.dtype, name=f"shrink_norm_{stage}")(x)
                x = nn.Conv(width, (2, 2), (2, 2), dtype=x.dtype, name=f"shrink_{stage}")(x)
            for i in range(depth):
                x = ConvNeXtBlock(name=f"stage_{stage}_{i}")(x)
        x = nn.LayerNorm(EPSILON, name="last_norm")(x.mean((1, 2)).astype(jnp.float32))
        return _reading(nn.Dense(sum(HEADS.values()), name="heads")(x))


def _reading(outputs: Float[Array, "b n"]) -> Reading:
    ends = np.cumsum(tuple(HEADS.values()))[:-1]
    parts = dict(zip(HEADS, jnp.split(outputs, ends, -1), strict=True))
    points = {name: parts[name].reshape(-1, KEYPOINTS, 3) for name in ("keypoints", "expression")}
    angles = jnp.stack([bins_to_degrees(parts[name]) for name in ("pitch", "yaw", "roll")], -1)
    return Reading(**points, translation=parts["translation"], scale=parts["scale"], angles=angles)


def bins_to_degrees(logits: Float[Array, "b bins"]) -> Float[Array, "b"]:
    """The mean of the bins' angles under their probabilities: 3 sum(softmax index) - 97.5."""
    return 3 * (jax.nn.softmax(logits, -1) @ jnp.arange(BINS, dtype=logits.dtype)) - 97.5
