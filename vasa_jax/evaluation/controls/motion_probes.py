"""Gaze, distance and emotion read from motion itself, undrawn: linear probes fitted on a motion set with labels."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vasa_jax.data import clips
from vasa_jax.evaluation import probes
from vasa_jax.motion import Statistics

LEAST_SLOPE = 0.1  # a reader that follows its label less is not stretched further: it can tell nothing


@dataclasses.dataclass(frozen=True)
class MotionProbes:
    """Each maps standardised motion (T, M) to readings a frame.

    Attributes:
      gaze: (T, 2) degrees, yaw and pitch in the camera's frame.
      distance: (T, 1).
      emotion: (T, 6) strengths.
      trust: {"gaze", "distance", "emotion"}: of frames of people whom a fit has not seen, before it is `unshrunk`: R^2
        of each number and mean absolute error, in the units above.
    """

    gaze: Callable[[np.ndarray], np.ndarray]
    distance: Callable[[np.ndarray], np.ndarray]
    emotion: Callable[[np.ndarray], np.ndarray]
    trust: dict[str, dict[str, list[float]]]


def fit(folder: str | Path, statistics: Statistics, split: str = "train") -> MotionProbes:
    """Fits the probes on a motion set; its motion must be of the face model that the statistics belong to.

    Raises:
      UserError: no such motion set or split.
    """
    records = list(clips.open_clips(folder, split))
    lengths = [len(record["motion"]) for record in records]
    motion = np.concatenate([np.asarray(statistics.standardise(record["motion"])) for record in records])
    people = np.repeat(np.unique([clips.text(r["identity"]) for r in records], return_inverse=True)[1], lengths)
    labels = {
        "gaze": np.degrees(np.concatenate([record["gaze"] for record in records])),
        "distance": np.concatenate([record["distance"] for record in records])[:, None],
        "emotion": np.repeat([record["emotion"] for record in records], lengths, axis=0),
    }
    readers, trust = {}, {}
    for name, label in labels.items():
        across = probes.read_across(motion, label, people)
        readers[name] = unshrunk(probes.ridge(motion, label), across, label)
        trust[name] = trustworthy(across, label)
    return MotionProbes(**readers, trust=trust)


def unshrunk(
    read: Callable[[np.ndarray], np.ndarray], across: Float[np.ndarray, "n k"] | None, label: Float[np.ndarray, "n k"]
) -> Callable[[np.ndarray], np.ndarray]:
    """A reader of which frames with one label read that label on average.

    A regression draws what it cannot tell towards the mean: a gaze of 10 degrees reads 3 where 30% of its variance is
    explained. Asked against obtained would have that slope; here it is divided out, and the noise grows instead.

    Args:
      across: (n, k) what people read who were not seen; None leaves the reader as it is.
    """
    if across is None:
        return read
    centre, level = label.mean(0), across.mean(0)
    away = label - centre
    slope = ((across - level) * away).sum(0) / np.maximum((away**2).sum(0), 1e-9)
    return lambda codes: centre + (read(codes) - level) / np.maximum(slope, LEAST_SLOPE)


def trustworthy(read: Float[np.ndarray, "n k"] | None, label: Float[np.ndarray, "n k"]) -> dict[str, list[float]]:
    """R^2 and mean absolute error of each of k numbers; empty where nothing was read."""
    if read is None:
        return {}
    columns = range(label.shape[1])
    return {
        "r2": [probes.r2(read[:, [k]], label[:, [k]], least=0.0) for k in columns],
        "error": np.abs(read - label).mean(0).tolist(),
    }
