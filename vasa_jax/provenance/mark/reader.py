"""Reading the mark: from a file's frames to a payload, with a bound on how often chance looks like one.

The statistic is z = s . c / |c|: s the signs of the sync pattern, c what the frames hold in its band, after any
processing that does not know s. The signs are as good as drawn at random, so for any frames without the mark, whatever
they show, one look has P(z >= t) <= 3.18 P(n >= t) for a standard normal n (Bentkus and Dzindzalieta, Bernoulli 21(2),
2015, theorem 1.1, for weighted sums of random signs). A reader looks many times (four phases of the sign's alternation
with either sign, and many places and sizes of a crop), and the union bound multiplies by their number. Where the
payload's check fits too, which it does by chance once in 2^16, less of z is asked for.
`python -m benchmarks.mark` compares the bound with what unmarked video gives.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from vasa_jax.provenance.mark import error_code
from vasa_jax.provenance.mark.carrier import STILL, VIDEO
from vasa_jax.provenance.mark.looks import PHASES, cosines, sync_z
from vasa_jax.provenance.mark.payload import CHECK_BITS, Payload, from_bits
from vasa_jax.provenance.mark.place import Place
from vasa_jax.provenance.mark.search import LOOKS, search
from vasa_jax.provenance.mark.thumbnails import Thumbnails

FALSE_ALARMS = 1e-6  # a clip, at most
ROUTES = 4  # to a finding: whole or cropped frame, with the check or without
SIGNS_OVER_NORMAL = 1 / (2 * math.erfc(1))  # the least factor with which the bound on z holds


@dataclass(frozen=True)
class Reading:
    """What a reader saw.

    Attributes:
      found: there is a mark.
      payload: what it says; None where too little of it is left to be read.
      z: the sync statistic of the best look.
      needed: the z that this look had to reach.
      place: which part of the marked frame the file shows.
    """

    found: bool
    payload: Payload | None
    z: float
    needed: float
    place: Place


def needed(looks: int, checked: bool) -> float:
    """The z that chance reaches in so many looks with a probability of FALSE_ALARMS / ROUTES at most."""
    allowed = FALSE_ALARMS / ROUTES * (2**CHECK_BITS if checked else 1)
    return -NormalDist().inv_cdf(min(allowed / looks / SIGNS_OVER_NORMAL, 0.5))


def chance(z: float) -> float:
    """What the probability that one look at frames without the mark reaches z is bounded by."""
    return min(SIGNS_OVER_NORMAL * math.erfc(z / math.sqrt(2)) / 2, 1.0)


def read(clip: Thumbnails) -> Reading:
    """Look for the mark in the whole frame first, then in every part of one that the file may be a crop of."""
    whole = _judge(clip, Place(), 2 * len(PHASES) if clip.is_video else 2)
    if whole.found:
        return whole
    place = search(clip)
    cropped = _judge(clip, place, LOOKS)
    return cropped if cropped.found or cropped.z - cropped.needed > whole.z - whole.needed else whole


def _judge(clip: Thumbnails, place: Place, looks: int) -> Reading:
    z, symbols = look(clip, place)
    payload = from_bits(error_code.decode(symbols))
    threshold = needed(looks, payload is not None)
    found = z >= threshold
    return Reading(found, payload if found else None, z, threshold, place)


def look(clip: Thumbnails, place: Place) -> tuple[float, Float[np.ndarray, " symbols"]]:
    """z, the best of all phases and signs, and what the symbols are there."""
    carrier = VIDEO if clip.is_video else STILL
    best = max(cosines(clip, place, carrier), key=lambda each: abs(sync_z(each, carrier)))
    z = sync_z(best, carrier)
    return abs(z), (best @ carrier.patterns[:, 1:]) * (1 if z >= 0 else -1)
