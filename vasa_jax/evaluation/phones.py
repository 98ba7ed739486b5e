"""Whether the lips close where speech demands it: p, b and m against vowels."""

import dataclasses

import numpy as np
from jaxtyping import Float

from vasa_jax.types import FPS

CLOSED_PHONES = frozenset({"P", "B", "M"})
VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
# A closure counts as made where the lips come under this share of the vowels' mean opening.
CLOSURE_SHARE = 0.5


@dataclasses.dataclass(frozen=True)
class Closure:
    """Lip opening in a clip's p, b, m and in its vowels; NaN where a clip has none.

    Attributes:
      closed: mean opening over frames of p, b and m.
      vowels: mean opening over frames of vowels.
      made: share in [0, 1] of the p, b and m whose least opening is under half of `vowels`.
      events: how many p, b and m there are.
    """

    closed: float
    vowels: float
    made: float
    events: int


def closure(
    opening: Float[np.ndarray, " time"],
    labels: list[str],
    starts: Float[np.ndarray, " phones"],
    ends: Float[np.ndarray, " phones"],
) -> Closure:
    """Compares closed phones with vowels.

    Args:
      opening: lip opening per frame; frames that are not finite are left out.
      labels: ARPAbet, upper case, without stress.
      starts, ends: seconds. A phone has the frames that it overlaps, so even the shortest has one.
    """
    times = zip(labels, starts.tolist(), ends.tolist(), strict=True)
    spans = [(label, _frames(opening, start, end)) for label, start, end in times]
    closed = [span for label, span in spans if label in CLOSED_PHONES and len(span)]
    vowels = [span for label, span in spans if label in VOWELS and len(span)]
    vowel_mean = _mean(vowels)
    made = [span.min() < CLOSURE_SHARE * vowel_mean for span in closed]
    return Closure(_mean(closed), vowel_mean, float(np.mean(made)) if made else float("nan"), len(closed))


def _frames(opening: np.ndarray, start: float, end: float) -> np.ndarray:
    first = int(np.floor(start * FPS + 1e-4))
    span = opening[first : max(int(np.ceil(end * FPS - 1e-4)), first + 1)]
    return span[np.isfinite(span)]


def _mean(spans: list[np.ndarray]) -> float:
    return float(np.concatenate(spans).mean()) if spans else float("nan")
