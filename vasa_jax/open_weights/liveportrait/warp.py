"""The warping module W: a volume and two sets of keypoints to the features that the generator renders.

For each keypoint there is one candidate motion, the shift that brings it from the driving to the source place, and one
for the background, no motion. A 3D hourglass looks at the compressed volume under each and mixes them for every cell.
"""

from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.doubled import double
from vasa_jax.layers import Conv, fold_depth, halve
from vasa_jax.open_weights.liveportrait.quick import LargeConv, QuickConv
from vasa_jax.open_weights.liveportrait.sampling import axis, grid, sample_with_zeros, shifted_copies
from vasa_jax.types import Leaf

HEAT_VARIANCE = 0.01


@flax.struct.dataclass
class Warped:
    """What W gives.

    Attributes:
      features: (B, H, W, F) for the generator.
      deformation: (B, D, H, W, 3) where each cell is taken from, in LivePortrait's frame.
      occlusion: (B, H, W, 1) share of a pixel that the source shows, in [0, 1].
    """

    features: Leaf
    deformation: Leaf
    occlusion: Leaf


class Compressor(nn.Module):
    """The volume with few channels, for the hourglass to look at; once a portrait."""

    channels: int = 4

    @nn.compact
    def __call__(self, volume: Float[Array, "b d h w c"]) -> Float[Array, "b d h w {self.channels}"]:
        return nn.relu(Conv(self.channels, (1, 1, 1), standardised=False, name="conv")(volume))


class Hourglass(nn.Module):
    """3D U-Net that halves height and width and keeps the depth; the input itself is its last skip."""

    widths: tuple[int, ...]
    last_width: int

    @nn.compact
    def __call__(self, x: Float[Array, "b d h w c"]) -> Float[Array, "b d h w f"]:
        skips = [x]
        for i, width in enumerate(self.widths):
            x = halve(_conv(width, f"down_{i}")(x))
            skips.append(x)
        x = skips.pop()
        for i, width in enumerate((*self.widths[-2::-1], self.last_width)):
            x = jnp.concatenate([_conv(width, f"up_{i}")(double(x)), skips.pop()], -1)
        return _conv(x.shape[-1], "last")(x)


class WarpingModule(nn.Module):
    """W. The published sizes are the defaults.

    Attributes:
      widths: of the hourglass, on its way down; `last_width` at its end.
      features: channels of the result.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    last_width: int = 32
    features: int = 256

    @nn.compact
    def __call__(
        self,
        padded: Float[Array, "b d2 h2 w2 c"],
        compressed: Float[Array, "b d h w e"],
        source: Float[Array, "b k 3"],
        driving: Float[Array, "b k 3"],
    ) -> Warped:
        """Args: the volume `sampling.with_zeros_around`, the compressed one, keypoints in LivePortrait's frame."""
        shifts = jnp.pad(source - driving, ((0, 0), (1, 0), (0, 0)))  # the background's first
        x = Hourglass(self.widths, self.last_width, name="hourglass")(_candidates(compressed, shifts, source, driving))
        mask = LargeConv(shifts.shape[1], (7, 7, 7), name="mask")(x)
        mask = jax.nn.softmax(mask.astype(jnp.float32), -1)
        # The masks of a cell add up to 1, so the mixed grids are the grid plus the mixed shifts.
        deformation = grid(*compressed.shape[1:4]) + jnp.einsum("bdhwk,bki->bdhwi", mask, shifts)
        occlusion = nn.sigmoid(Conv(1, (7, 7), standardised=False, name="occlusion")(fold_depth(x)))
        h = fold_depth(sample_with_zeros(padded, deformation))
        h = nn.leaky_relu(QuickConv(self.features, name="project")(h), 0.01)
        h = Conv(self.features, (1, 1), standardised=False, name="mix")(h)
        return Warped(h * occlusion, deformation, occlusion)


def _conv(width: int, name: str) -> Any:
    conv = QuickConv(width, (3, 3, 3), name=name)
    return lambda x: nn.relu(conv(x))


def _candidates(compressed: Array, shifts: Array, source: Array, driving: Array) -> Float[Array, "b d h w n"]:
    """For each candidate its heat (where the keypoint comes to minus where it was) and the volume under its shift."""
    size = compressed.shape[1:4]
    heat = jnp.pad(_heat(driving, size) - _heat(source, size), ((0, 0),) * 4 + ((1, 0),))
    seen = shifted_copies(compressed, shifts)
    both = jnp.concatenate([heat[..., None].astype(seen.dtype), seen], -1)
    return both.reshape(*both.shape[:4], -1)


def _heat(keypoints: Float[Array, "b k 3"], size: tuple[int, ...]) -> Float[Array, "b d h w k"]:
    """exp(-distance^2 / (2 variance)) of each cell from each keypoint: a product of three axes."""
    x, y, z = (
        jnp.exp(-jnp.square(axis(n) - keypoints[..., i, None]) / (2 * HEAT_VARIANCE)) for i, n in enumerate(size[::-1])
    )
    return jnp.einsum("bkd,bkh,bkw->bdhwk", z, y, x)
