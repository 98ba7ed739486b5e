"""The invisible mark, put on the decoder's output within the program that decodes.

A pattern (see `carrier`) is added to the brightness of every frame. In a video its sign changes every SLOT frames, so
that a reader who subtracts what stands still is left with the mark: a face's own brightness is a hundred times
stronger than what may be added to it unseen. There is more of it where the frame is busy, at hair, edges and clothes,
and little on a cheek or a wall. Over the frame its strength is fixed, so the distance to the unmarked frame is known.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.provenance.mark.carrier import GRID, STILL, VIDEO, resampling
from vasa_jax.provenance.mark.payload import Payload

SLOT = 4
STRENGTHS = ((384, 1.95), (np.inf, 1.5))  # levels of 255, root mean square, of frames up to that size
CELLS = 24  # a side, of what counts as one place
HIDING = 0.65, 1.6  # least and most of a place, of the frame's mean


def strength(size: int) -> float:
    """Root mean square of the mark in levels of 255: a larger frame shows it better, and needs less to keep it."""
    return next(levels for limit, levels in STRENGTHS if size <= limit)


@dataclass(frozen=True)
class Mark:
    """The mark of one run.

    Attributes:
      pattern: (S, S) that is added to a frame in its range [-1, 1].
      alternates: in a video, not in a still.
    """

    pattern: np.ndarray
    alternates: bool = True

    @classmethod
    def of(cls, payload: Payload, size: int, still: bool = False) -> "Mark":
        return cls(pattern(payload, size, still), not still)

    def signs(self, first: int, count: int) -> Float[np.ndarray, " count"]:
        """Of `count` frames from number `first` on."""
        return signs(first, count) if self.alternates else np.ones(count, np.float32)


def pattern(payload: Payload, size: int, still: bool = False) -> Float[np.ndarray, "size size"]:
    """What is added to a frame of that size, in its range [-1, 1]."""
    image = (STILL if still else VIDEO).image(payload)
    grow = resampling(GRID, size)
    grown = grow @ image @ grow.T
    return (grown * strength(size) / 127.5 / np.sqrt((grown**2).mean())).astype(np.float32)


def signs(first: int, count: int) -> Float[np.ndarray, " count"]:
    """Of `count` frames of a video from number `first` on."""
    return np.where((first + np.arange(count)) // SLOT % 2, -1, 1).astype(np.float32)


def put_mark(
    images: Float[Array, "batch size size 3"], pattern: Float[Array, "size size"], signs: Float[Array, " batch"]
) -> Float[Array, "batch size size 3"]:
    """Frames in [-1, 1] with the mark, as strong as the pattern; red, green and blue alike: no colour changes."""
    hidden = hiding(images) * pattern
    scale = jnp.sqrt((pattern**2).mean() / (hidden**2).mean((1, 2)))
    return images + ((signs * scale)[:, None, None] * hidden)[..., None]


def hiding(images: Float[Array, "batch size size 3"]) -> Float[Array, "batch size size"]:
    """How much of the mark each place hides, to some scale.

    The spread of the brightness about its blurred self, over the frame's mean, within HIDING; a frame without any hides
    the same everywhere.
    """
    brightness = images.mean(-1)
    spread = jnp.sqrt(_blurred((brightness - _blurred(brightness)) ** 2) + 1e-6)
    return jnp.clip(spread / spread.mean((1, 2), keepdims=True), *HIDING)


def _blurred(images: Float[Array, "batch size size"]) -> Float[Array, "batch size size"]:
    """By a grid of CELLS a side; never negative where the images are not."""
    coarse = jax.image.resize(images, (len(images), CELLS, CELLS), "linear")
    return jax.image.resize(coarse, images.shape, "linear")
