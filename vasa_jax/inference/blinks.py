"""Blinks at a rate that is asked for: those that were sampled are taken out of the motion and others put in.

The statistics that travel with the weights say how far a motion's lids are closed and what closes them, both linear
(`data.motion_set.lids`). Nothing but the lids moves: lips, gaze and pose stay as they were sampled.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from jaxtyping import Float

from vasa_jax.errors import UserError
from vasa_jax.types import FPS

# How far the lids are shut, frame by frame: they fall in some 80 ms and rise in 160 ms.
PROFILE = np.array([0.35, 0.9, 1.0, 0.75, 0.45, 0.15], np.float32)
USUAL = 25  # frames, a second: the median of their closing is how the lids rest about that time
SLACK = 0.05  # of the closing: small movements of the lids are no blinks, and stay
# Times between blinks vary evenly about their mean by this share.
VARIATION = 0.6


@dataclass(frozen=True)
class Lids:
    """What standardised motion (M numbers) tells of the lids.

    Attributes:
      weights: (M,) and bias: how far they are closed, about 0 open and 1 closed, is motion . weights + bias.
      direction: (M,) what closes open lids when it is added.
    """

    weights: np.ndarray
    bias: float
    direction: np.ndarray

    @classmethod
    def of(cls, statistics: Mapping[str, Any]) -> "Lids":
        """From a checkpoint's statistics.

        Raises:
          UserError: the statistics say nothing of lids, or nothing that moves them.
        """
        try:
            about = statistics["lids"]
            weights, direction = (np.asarray(about[name], np.float32) for name in ("weights", "direction"))
            lids = cls(weights, float(about["bias"]), direction)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError("these weights cannot set blinks: their statistics tell nothing of the lids") from error
        if not lids.reach > 0:
            raise UserError("these weights cannot set blinks: nothing in their motion closes the lids")
        return lids

    @property
    def reach(self) -> float:
        """How far `direction` closes the lids, as `closing` reads it."""
        return float(self.weights @ self.direction)

    def closing(self, motion: Float[np.ndarray, "frames motion"]) -> Float[np.ndarray, " frames"]:
        """How far the lids are closed in each frame."""
        return motion @ self.weights + self.bias


def set_blinks(
    parts: Iterable[Float[np.ndarray, "_ motion"]], lids: Lids, rate: float, seed: int, frames: int
) -> Iterator[Float[np.ndarray, "_ motion"]]:
    """Standardised motion of so many frames, part by part, that blinks `rate` times a minute, at times that the seed
    decides."""
    curve, done = blink_curve(blink_starts(frames, rate, seed), frames), 0
    for opened in without_blinks(parts, lids):
        yield opened + curve[done : done + len(opened), None] * lids.direction
        done += len(opened)


def without_blinks(
    parts: Iterable[Float[np.ndarray, "_ motion"]], lids: Lids
) -> Iterator[Float[np.ndarray, "_ motion"]]:
    """The motion with lids that never close further than they usually are within a second, plus SLACK.

    Parts come out half a second later than they went in, when it is known what they usually are.
    """
    half, before, waiting = USUAL // 2, None, None
    for part in chain(parts, [None]):
        last = part is None
        if not last:
            waiting = part if waiting is None else np.concatenate([waiting, part])
        ready = 0 if waiting is None else len(waiting) - (0 if last else half)
        if ready <= 0:
            continue
        closing = lids.closing(waiting)
        before = np.repeat(closing[:1], half) if before is None else before
        around = np.concatenate([before, closing, np.repeat(closing[-1:], half if last else 0)])
        usual = np.median(np.lib.stride_tricks.sliding_window_view(around, USUAL)[:ready], 1)
        excess = np.maximum(closing[:ready] - usual - SLACK, 0)
        yield waiting[:ready] - (excess / lids.reach)[:, None] * lids.direction
        before, waiting = around[ready : ready + half], waiting[ready:]


def blink_starts(frames: int, rate: float, seed: int) -> list[int]:
    """Frames in which blinks begin, `rate` a minute on average; each is over before the clip is."""
    starts = []
    if rate > 0:
        generator, mean = np.random.default_rng(seed), 60 * FPS / rate
        time = generator.uniform(0, mean)
        while time + len(PROFILE) <= frames:
            starts.append(int(time))
            time += mean * generator.uniform(1 - VARIATION, 1 + VARIATION)
    return starts


def blink_curve(starts: list[int], frames: int) -> Float[np.ndarray, "{frames}"]:
    """How far blinks that begin there shut the lids, 0 to 1."""
    curve = np.zeros(frames, np.float32)
    for start in starts:
        curve[start : start + len(PROFILE)] = np.maximum(curve[start : start + len(PROFILE)], PROFILE)
    return curve
