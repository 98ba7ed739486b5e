"""From band-passed frames to the mark's picture: what alternates with it is added up, what stands still cancels.

Each turn of the sign is weighed by how little else moves there at that time, place by place, so that a moving head
drowns neither the background beside it nor the moments in which it rests.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from vasa_jax.provenance.mark.carrier import through

BLUR = 2.0  # cells of the grid of 64, standard deviation
REST_LEVELS = 0.3  # of 255: what is too faint to count as movement
STILL_LEVELS = 1.0
STILL_POWER = 0.75


def in_rhythm(
    frames: Float[np.ndarray, "time height width"],
    numbers: Int[np.ndarray, " time"],
    slot: int,
    phases: tuple[int, ...],
) -> Float[np.ndarray, "phases height width"]:
    """The mark's picture as each phase sees it, of either sign.

    Args:
      frames: in levels of 255, with only the mark's band left.
      numbers: of the frames at 25 a second; the true first one may have been any.
      slot: frames between two turns of the sign.
      phases: how many frames of a slot have passed before the first one.
    """
    return np.stack([_alternating(frames, (numbers + phase) // slot) for phase in phases])


def at_rest(frames: Float[np.ndarray, "time height width"]) -> Float[np.ndarray, "1 height width"]:
    """The mark's picture in a still: calm places count more than busy ones."""
    mean = frames.mean(0)
    return (mean / (blur(mean**2) + STILL_LEVELS**2) ** STILL_POWER)[None]


def blur(images: Float[np.ndarray, "*batch height width"]) -> Float[np.ndarray, "*batch height width"]:
    """Gaussian, over BLUR cells; the edge goes on."""
    rows, columns = (_blurring(size) for size in images.shape[-2:])
    return through(rows, images, columns)


def _alternating(frames: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Sum over the slots of what differs from their neighbours in time."""
    names = np.unique(slots)
    members = (slots == names[:, None]).astype(frames.dtype)
    counts = members.sum(1)
    means = np.tensordot(members / counts[:, None], frames, 1)
    beside = (np.abs(names[:, None] - names) == 1).astype(frames.dtype)
    alone = beside.sum(1) == 0
    beside /= np.maximum(beside.sum(1, keepdims=True), 1)
    differences = means - np.tensordot(beside, means, 1)
    weights = np.where(alone, 0.0, (-1.0) ** (names % 2) * np.sqrt(counts))
    return np.tensordot(weights.astype(frames.dtype), differences / np.sqrt(blur(differences**2) + REST_LEVELS**2), 1)


@lru_cache(maxsize=256)
def _blurring(size: int) -> np.ndarray:
    index = np.arange(size)
    weights = np.exp(-0.5 * ((index[:, None] - index[None]) / BLUR) ** 2)
    return weights / weights.sum(1, keepdims=True)
