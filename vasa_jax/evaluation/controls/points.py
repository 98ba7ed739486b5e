"""The points of a sweep: which control is asked for what, and all others left as they are."""

import dataclasses
from itertools import product

import numpy as np

from vasa_jax.inference.controls import Controls
from vasa_jax.types import EMOTIONS

YAWS, PITCHES = (-30.0, -15.0, 0.0, 15.0, 30.0), (-30.0, -15.0, 0.0, 15.0, 30.0)
DISTANCES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)  # standard deviations of the training set from its mean
STRENGTHS = (1 / 3, 2 / 3, 1.0)
NAMES = ("gaze", "distance", "emotion")
GUIDANCE = 1.0


@dataclasses.dataclass(frozen=True)
class Point:
    """One setting of one control.

    Attributes:
      control: of NAMES.
      asked: yaw and pitch in degrees; distance; strength of `emotion`.
      emotion: of types.EMOTIONS; None for another control.
    """

    control: str
    asked: tuple[float, ...]
    emotion: str | None = None

    def controls(self, seed: int, steps: int, guidance: float) -> Controls:
        """What the animator is given: the default, but for this control and the guidance of it."""
        given = {"seed": seed, "steps": steps, f"{self.control}_cfg": guidance}
        if self.control == "gaze":
            return Controls(**given, gaze=self.asked)
        if self.control == "distance":
            return Controls(**given, distance=self.asked[0])
        return Controls(**given, emotion=None if self.emotion is None else f"{self.emotion}:{self.asked[0]}")


def points(mean_distance: float, distance_spread: float) -> list[Point]:
    """The whole sweep; the last is the one that asks for no emotion, which the emotions are seen against."""
    gazes = [Point("gaze", pair) for pair in product(YAWS, PITCHES)]
    distances = [Point("distance", (mean_distance + step * distance_spread,)) for step in DISTANCES]
    emotions = [Point("emotion", (strength,), name) for name, strength in product(EMOTIONS, STRENGTHS)]
    return [*gazes, *distances, *emotions, Point("emotion", (0.0,))]


def agreement(asked: np.ndarray, obtained: np.ndarray) -> dict[str, float]:
    """How what is obtained (n,) follows what is asked (n,): slope and offset of the regression line, Pearson's
    correlation, mean absolute difference. Points that are not finite are left out; NaN where fewer than 3 are left."""
    counts = np.isfinite(obtained)
    asked, obtained = np.asarray(asked, np.float64)[counts], np.asarray(obtained, np.float64)[counts]
    if len(asked) < 3:
        return dict.fromkeys(("slope", "offset", "correlation", "error"), float("nan"))
    slope, offset = np.polyfit(asked, obtained, 1)
    correlation = np.corrcoef(asked, obtained)[0, 1] if obtained.std() > 1e-9 else float("nan")
    error = np.abs(asked - obtained).mean()
    return {"slope": float(slope), "offset": float(offset), "correlation": float(correlation), "error": float(error)}
