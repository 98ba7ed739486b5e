"""Where a cropped file lay in the marked frame, or the frame in the file: all sizes, at each size every place at once.

The picture of the mark is made at about the size that is assumed, brought to it, and correlated with the sync pattern
by a Fourier transform; the best few are looked at again, closely, around where they were found.
"""

import dataclasses

import numpy as np
from jaxtyping import Float

from vasa_jax.provenance.mark.carrier import (
    GRID,
    STILL,
    VIDEO,
    Carrier,
    cosine_matrix,
    in_band,
    resampling,
    through,
)
from vasa_jax.provenance.mark.looks import cosines, mark_picture, sync_z
from vasa_jax.provenance.mark.place import Place
from vasa_jax.provenance.mark.thumbnails import Thumbnails
from vasa_jax.provenance.mark.writer import SLOT
from vasa_jax.types import FPS

# The file's longer side in sides of the marked frame: below 1 after a crop, above where frames were put into a picture.
SIZES = tuple(np.exp(np.arange(np.log(0.6), np.log(2.5), 0.022)).tolist())
ALIKE = 8  # sizes, within a fifth, that share what is costly: the sum over the frames
CANDIDATES = 2
MAX_FRAMES = 6 * FPS  # that are looked at; the place does not change
NUDGES = (-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75)  # cells of the grid
STRETCHES = (0.99, 0.995, 1.0, 1.005, 1.01)
# More than the search can make: 65 sizes, on average 1500 places, 4 phases of 2 signs, and what is looked at closely.
LOOKS = 1_000_000


def search(clip: Thumbnails) -> Place:
    """The part of the marked frame that the file most likely shows, as the sync pattern has it."""
    carrier = VIDEO if clip.is_video else STILL
    clip = dataclasses.replace(clip, frames=clip.frames[:MAX_FRAMES], numbers=clip.numbers[:MAX_FRAMES])
    quick = dataclasses.replace(clip, frames=clip.frames.astype(np.float32))
    found = []
    for start in range(0, len(SIZES), ALIKE):
        sizes = SIZES[start : start + ALIKE]
        images = _pictures(quick, sizes, carrier)
        found += [_at_size(images, clip.frames.shape[1:], size, carrier) for size in sizes]
    found = sorted(found, key=lambda each: -each[0])[:CANDIDATES]
    refined = (_refined(_slots(clip, phase), place, carrier, (phase,)) for _, place, phase in found)
    return max(refined, key=lambda each: each[0])[1]


def _pictures(clip: Thumbnails, sizes: tuple[float, ...], carrier: Carrier) -> Float[np.ndarray, "phases height width"]:
    """The mark's picture, good for any of these sizes: at the largest, in a band that holds those of all."""
    spans, shape = _shape(clip.frames.shape[1:], sizes[-1])
    rows, columns = (resampling(side, cells) for side, cells in zip(clip.frames.shape[1:], shape, strict=True))
    wider = dataclasses.replace(carrier, low=carrier.low * sizes[0] / sizes[-1])
    return mark_picture(_band_passed(through(rows, clip.frames, columns), spans, wider), clip)


def _at_size(
    images: Float[np.ndarray, "phases h w"], sides: tuple[int, ...], size: float, carrier: Carrier
) -> tuple[float, Place, int]:
    """About how good the best place is for a file whose longer side is `size` of the frame's; the place; its phase."""
    spans, shape = _shape(sides, size)
    rows, columns = (resampling(side, cells) for side, cells in zip(images.shape[1:], shape, strict=True))
    images = _band_passed(through(rows, images, columns), spans, carrier)
    images /= np.linalg.norm(images, axis=(1, 2), keepdims=True) + np.finfo(images.dtype).tiny
    # Correlation: the spectrum of the pattern times the conjugate of the picture's. Its places are the picture's corner
    # in cells of the frame, up to what is left of the frame's side, or back to what the picture has more than it.
    sync = carrier.compose(carrier.patterns[:, 0]).astype(images.dtype)
    whole = tuple(max(GRID, side) for side in shape)
    spectrum = np.fft.rfft2(sync, whole)[None] * np.conj(np.fft.rfft2(images, whole))
    scores = np.abs(np.fft.irfft2(spectrum, whole))
    corners = [np.arange(min(GRID - side, 0), max(GRID - side, 0) + 1) for side in shape]
    scores = scores[:, corners[0] % whole[0]][:, :, corners[1] % whole[1]]
    phase, top, left = np.unravel_index(scores.argmax(), scores.shape)
    corner = (float(each[place] / GRID) for each, place in zip(corners, (top, left), strict=True))
    return float(scores.max()), Place(*corner, *spans), int(phase)


def _shape(sides: tuple[int, ...], size: float) -> tuple[tuple[float, float], tuple[int, int]]:
    """Height and width of a file whose longer side is `size` of the frame's: in sides of the frame, and in cells."""
    height, width = (size * side / max(sides) for side in sides)
    return (height, width), (max(round(GRID * height), 8), max(round(GRID * width), 8))


def _band_passed(images: np.ndarray, spans: tuple[float, float], carrier: Carrier) -> np.ndarray:
    shape = images.shape[-2:]
    rows, columns = (cosine_matrix(size) for size in shape)
    return through(rows.T, through(rows, images, columns) * in_band(shape, spans, carrier), columns.T)


def _slots(clip: Thumbnails, phase: int) -> Thumbnails:
    """A frame for each slot: their mean, under the number of the slot's first frame. Looks are quicker with it."""
    if not clip.is_video:
        return clip
    slots = (clip.numbers + phase) // SLOT
    names = np.unique(slots)
    means = np.stack([clip.frames[slots == name].mean(0) for name in names])
    return dataclasses.replace(clip, frames=means, numbers=names * SLOT - phase)


def _refined(clip: Thumbnails, place: Place, carrier: Carrier, phases: tuple[int, ...]) -> tuple[float, Place]:
    """The best place near this one, coordinate after coordinate."""

    def strength(place: Place) -> float:
        return abs(sync_z(cosines(clip, place, carrier, phases)[0], carrier))

    best = strength(place), place
    for _ in range(2):
        for change, steps in ((_stretched, STRETCHES), (_down, NUDGES), (_right, NUDGES)):
            tried = [change(best[1], step) for step in steps]
            best = max([best, *((strength(one), one) for one in tried)], key=lambda each: each[0])
    return best


def _stretched(place: Place, factor: float) -> Place:
    """Larger about its middle."""
    height, width = place.height * factor, place.width * factor
    return Place(place.top - (height - place.height) / 2, place.left - (width - place.width) / 2, height, width)


def _down(place: Place, cells: float) -> Place:
    return Place(place.top + cells / GRID, place.left, place.height, place.width)


def _right(place: Place, cells: float) -> Place:
    return Place(place.top, place.left + cells / GRID, place.height, place.width)
