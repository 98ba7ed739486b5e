"""How late a frame is: from when its sound came in to when the frame is sent."""

import time
from collections import deque

from vasa_jax.types import FPS

CLOSE = 1e-6  # seconds, of the error of adding up


class Delays:
    """The clock of one stream.

    Args:
      look_ahead: seconds by which a frame lags behind the sound that is heard with it.
    """

    def __init__(self, look_ahead: float):
        self._look_ahead = look_ahead
        self._arrivals: deque[tuple[float, float]] = deque()  # end of a piece of sound, and when it came
        self._heard = 0.0
        self._began: float | None = 0.0  # where on the frames' clock the first of these sounds lies; None until known

    def heard(self, seconds: float) -> None:
        """So much sound came in now."""
        self._heard += seconds
        self._arrivals.append((self._heard, time.monotonic()))

    def interrupted(self) -> None:
        """Sound that waits was dropped: what comes in from now on belongs to the frames after the next look-ahead."""
        self._arrivals.clear()
        self._heard, self._began = 0.0, None

    def came(self, index: int) -> float | None:
        """When the sound at the beginning of that frame came in, on the monotonic clock; None if it is not known.

        To be asked in the order of the frames.
        """
        if self._began is None:
            self._began = index / FPS + self._look_ahead
        start = index / FPS - self._began
        if start < 0:
            return None
        while self._arrivals and self._arrivals[0][0] <= start + CLOSE:
            self._arrivals.popleft()
        return self._arrivals[0][1] if self._arrivals else None
