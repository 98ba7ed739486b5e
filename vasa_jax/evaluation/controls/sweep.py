"""Every point of a sweep sampled with and without guidance, read from the motion and from drawn frames."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from vasa_jax.evaluation.controls.looks import Looks, Seen, look
from vasa_jax.evaluation.controls.motion_probes import MotionProbes
from vasa_jax.evaluation.controls.points import GUIDANCE, NAMES, Point, agreement
from vasa_jax.inference.controls import Controls
from vasa_jax.judges import FaceTrack
from vasa_jax.types import EMOTIONS

GUIDED = {"with": GUIDANCE, "without": 0.0}
DRAWN = 16  # frames of a point
BY = ("motion", "frames")


@dataclasses.dataclass(frozen=True)
class System:
    """What is swept.

    Attributes:
      move: controls -> standardised motion (T, M) of always the same speech.
      draw: motion (T, M) -> frames (T, S, S, 3) uint8 of always the same portrait.
    """

    move: Callable[[Controls], np.ndarray]
    draw: Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Judges:
    """Who reads: probes of the motion; the landmark network, frames -> track, and what is known of it, both None where
    it is not at hand."""

    motion: MotionProbes
    landmarks: Callable[[np.ndarray], FaceTrack] | None
    looks: Looks | None


def run(
    system: System, judges: Judges, points: list[Point], seeds: int, steps: int,
    watch: Callable[[Iterable], Iterable] = iter,
) -> list[dict[str, Any]]:  # fmt: skip
    """A row for each point, with and without guidance.

    Returns:
      rows with "control", "emotion", "asked" (numbers), "guidance" ("with" or "without"), and under "motion" and
      "frames" what is obtained, in the units of "asked".
    """
    found = []
    for guidance, point in watch([(guidance, point) for guidance in GUIDED for point in points]):
        motions = [system.move(point.controls(seed, steps, GUIDED[guidance])) for seed in range(seeds)]
        seen = None
        if judges.landmarks:
            frames = system.draw(_spread(np.concatenate(motions), DRAWN))
            seen = look(judges.landmarks(frames), judges.looks)
        found.append((guidance, point, np.concatenate(motions), seen))
    return [_row(judges, entry, found) for entry in found]


def _spread(motion: np.ndarray, count: int) -> np.ndarray:
    return motion[np.linspace(0, len(motion) - 1, count).astype(int)]


def _row(judges: Judges, entry: tuple, found: list[tuple]) -> dict[str, Any]:
    guidance, point, motion, seen = entry
    peers = [other for other in found if other[0] == guidance and other[1].control == point.control]
    row = {"control": point.control, "emotion": point.emotion, "asked": list(point.asked), "guidance": guidance}
    row["motion"] = _read_motion(judges.motion, point, motion, peers)
    if seen is not None:
        row["frames"] = _read_frames(judges.looks, point, seen, peers)
    return row


def _read_motion(probes: MotionProbes, point: Point, motion: np.ndarray, peers: list[tuple]) -> list[float]:
    """Median gaze, mean distance, mean strength against the point without emotion."""
    if point.control == "gaze":
        return np.median(probes.gaze(motion), 0).tolist()
    if point.control == "distance":
        return probes.distance(motion).mean(0).tolist()
    if point.emotion is None:
        return [0.0]
    neutral = next(other[2] for other in peers if other[1].emotion is None)
    change = probes.emotion(motion).mean(0) - probes.emotion(neutral).mean(0)
    return [float(change[EMOTIONS.index(point.emotion)])]


def _read_frames(looks: Looks, point: Point, seen: Seen, peers: list[tuple]) -> list[float]:
    """As from the motion. A face's own size is not known, so the mean distance of the sweep is set to the asked one."""
    if point.control == "gaze":
        return seen.gaze.tolist()
    if point.control == "distance":
        scale = np.nanmean([other[1].asked[0] for other in peers]) / np.nanmean([1 / other[3].size for other in peers])
        return [float(scale / seen.size)]
    if point.emotion is None:
        return [0.0]
    neutral = next(other[3] for other in peers if other[1].emotion is None)
    return [looks.strength(seen.features, neutral.features, EMOTIONS.index(point.emotion))]


def summarise(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """`points.agreement` by what is asked ("gaze yaw", "gaze pitch", "distance", "emotion", each emotion), guidance
    and reader ("motion", "frames")."""
    summary: dict[str, Any] = {}
    for title, chosen, number in _groups(rows):
        for guidance in GUIDED:
            some = [row for row in chosen if row["guidance"] == guidance]
            for by in BY:
                if some and by in some[0]:
                    asked, obtained = (np.array([row[key][number] for row in some]) for key in ("asked", by))
                    summary.setdefault(title, {}).setdefault(guidance, {})[by] = agreement(asked, obtained)
    return summary


def _groups(rows: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]], int]]:
    """(title, rows, which of the asked numbers)."""
    by_control = {name: [row for row in rows if row["control"] == name] for name in NAMES}
    groups = [("gaze yaw", by_control["gaze"], 0), ("gaze pitch", by_control["gaze"], 1)]
    groups += [("distance", by_control["distance"], 0), ("emotion", by_control["emotion"], 0)]
    for emotion in EMOTIONS:
        groups.append((emotion, [row for row in by_control["emotion"] if row["emotion"] in (emotion, None)], 0))
    return groups
