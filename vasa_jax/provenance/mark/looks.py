"""One look for the mark: what a place of the frames holds in its band, and how much of that is the sync pattern."""

import numpy as np
from jaxtyping import Float

from vasa_jax.provenance.mark.carrier import GRID, Carrier, through
from vasa_jax.provenance.mark.place import Place
from vasa_jax.provenance.mark.rhythm import at_rest, in_rhythm
from vasa_jax.provenance.mark.thumbnails import Thumbnails
from vasa_jax.provenance.mark.writer import SLOT

PHASES = tuple(range(SLOT))  # the alternation may have begun at any frame of a slot


def sync_z(cosines: Float[np.ndarray, " cosines"], carrier: Carrier) -> float:
    """The statistic of `reader`: sync's signs with the cosines of a band, over the length of these."""
    length = np.linalg.norm(cosines)
    signs = np.sign(carrier.patterns[:, 0])
    return float(signs @ cosines / length) if length > 0 else 0.0


def cosines(
    clip: Thumbnails, place: Place, carrier: Carrier, phases: tuple[int, ...] = PHASES
) -> Float[np.ndarray, "phases cosines"]:
    """What the band holds at a place: of a video in each phase of the alternation, of a still as it is."""
    rows, columns = place.matrices(*clip.frames.shape[1:])
    grids = carrier.compose(carrier.analyse(through(rows, clip.frames, columns)))
    return carrier.analyse(mark_picture(grids, clip, phases) * place.shown(GRID))


def mark_picture(
    frames: Float[np.ndarray, "time height width"], clip: Thumbnails, phases: tuple[int, ...] = PHASES
) -> Float[np.ndarray, "phases height width"]:
    """The mark's picture, of either sign, from band-passed frames of the clip."""
    return in_rhythm(frames, clip.numbers, SLOT, phases) if clip.is_video else at_rest(frames)
