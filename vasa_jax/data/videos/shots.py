"""Where one shot ends and the next begins: two neighbouring frames that have little in common."""

from collections import deque

import numpy as np
from jaxtyping import UInt8

WIDTH, HEIGHT = 64, 36  # of the thumbnails that are compared
LEAST = 0.05  # mean difference of two thumbnails, of the whole range
TIMES_USUAL = 4.0  # how much more that is than between the frames before
REMEMBERED, FEWEST = 12, 2  # differences that the usual one is the median of, and without which none is usual


class Cuts:
    """Told one thumbnail after the other, says of each whether a new shot begins with it.

    A cut is a mean difference over LEAST that is TIMES_USUAL times the median of the last REMEMBERED ones, so that fast
    movement is none. Dissolves, which have no such frame, are not seen.
    """

    def __init__(self):
        self._before = None
        self._usual: deque[float] = deque(maxlen=REMEMBERED)

    def __call__(self, thumbnail: UInt8[np.ndarray, "36 64 3"]) -> bool:
        now = thumbnail.astype(np.int16)
        if self._before is None:
            self._before = now
            return False
        change = float(np.abs(now - self._before).mean()) / 255
        self._before = now
        usual = float(np.median(self._usual)) if len(self._usual) >= FEWEST else np.inf
        self._usual.append(change)
        return change > max(LEAST, TIMES_USUAL * usual)
