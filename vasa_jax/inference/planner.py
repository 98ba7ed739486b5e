"""What the head of a stream does next: the clip's windows, one after the other, each planned as its speech is heard."""

from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Float32

from vasa_jax.motion import Begun, ClipState

Sample = Callable[[np.ndarray, np.ndarray, Begun, ClipState], tuple[jax.Array, ClipState]]


class Planner:
    """The window at hand of one stream.

    W is the size of a window, M that of a motion vector, F that of a feature.

    Args:
      sizes: W, M and F.
      state: before the first window.
    """

    def __init__(self, sizes: tuple[int, int, int], state: ClipState):
        self._window, motion, feature = sizes
        self._before, self._after = state, state
        self._features = np.zeros((1, 0, feature), np.float32)  # from the window's first frame on, as far as heard
        self._plan = np.zeros((1, self._window, motion), np.float32)
        self._shown, self._heard = 0, 0  # frames of the plan that were shown, and that it has heard the speech of

    def hear(self, features: Float32[np.ndarray, "1 frames feature"]) -> None:
        """The speech of more frames."""
        self._features = np.concatenate([self._features, features], 1)

    def forget(self) -> None:
        """Nothing was heard of the frames that are not shown yet."""
        self._features = self._features[:, : self._shown]
        self.plan_anew()

    def plan_anew(self) -> None:
        """What is not shown yet is to be sampled again."""
        self._heard = 0

    def show(self, frames: int, sample: Sample) -> Float32[np.ndarray, "frames motion"]:
        """Standardised motion (frames, M) of the next frames.

        A plan stands until more of its window was heard. Frames in whose window nothing was heard have no motion.

        Args:
          sample: (features (1, W, F), how many are known (1,), window as begun, state before) -> motion (1, W, M) and
            the state after it.
        """
        parts = []
        while frames:
            if min(self._features.shape[1], self._window) > self._heard:
                self._sample(sample)
            count = min(frames, self._window - self._shown)
            parts.append(self._plan[0, self._shown : self._shown + count])
            self._shown, frames = self._shown + count, frames - count
            if self._shown == self._window:
                self._turn_over()
        return np.concatenate(parts)

    def _sample(self, sample: Sample) -> None:
        known = self._features[:, : self._window]
        self._heard = known.shape[1]
        features = np.pad(known, ((0, 0), (0, self._window - self._heard), (0, 0)))
        begun = Begun(self._plan, np.int32(self._shown))
        motion, self._after = sample(features, np.array([self._heard], np.int32), begun, self._before)
        self._plan = np.asarray(motion)

    def _turn_over(self) -> None:
        """The next window begins."""
        self._before, self._features = self._after, self._features[:, self._window :]
        self._plan = np.zeros_like(self._plan)
        self._shown = self._heard = 0
