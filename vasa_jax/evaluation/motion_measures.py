"""What sampled motion is like, read from the motion itself, without drawing a face: lips, amount, distance to the data.

Motion is standardised, (B, W, M); `length` (B,) says how many of the W frames count.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from vasa_jax.evaluation import signals
from vasa_jax.motion.statistics import AnyArray, Statistics
from vasa_jax.types import POSE_SIZE

PIECE, STRIDE = 10, 5  # frames: 0.4 s, and how far neighbouring pieces are apart
COMPONENTS = 16  # so many that a few hundred pieces tell their covariance


@dataclasses.dataclass(frozen=True)
class LinearReading:
    """A linear read-out from standardised motion, to watch lips or lids without drawing them.

    Attributes:
      weights: (M,). bias: scalar.
    """

    weights: np.ndarray
    bias: float

    @classmethod
    def of(cls, about: Mapping[str, Any], name: str) -> "LinearReading":
        """That of "lips" or "lids" in the statistics of a motion set or of released weights."""
        return cls(np.asarray(about[name]["weights"], np.float32), float(about[name]["bias"]))

    def __call__(self, motion: AnyArray) -> AnyArray:
        return motion @ self.weights + self.bias


def correlation(
    made: Float[np.ndarray, "batch window"], truth: Float[np.ndarray, "batch window"], length: Int[np.ndarray, " batch"]
) -> float:
    """Correlation of two curves within each clip's `length`, mean over the clips whose curves move at all."""
    pairs = [(a[:n], b[:n]) for a, b, n in zip(made, truth, length, strict=True)]
    found = [np.corrcoef(a, b)[0, 1] for a, b in pairs if len(a) > 2 and a.std() > 1e-6 and b.std() > 1e-6]
    return float(np.mean(found)) if found else 0.0


def amounts(
    motion: Float[np.ndarray, "batch window motion"], length: Int[np.ndarray, " batch"], statistics: Statistics
) -> dict[str, float]:
    """How much the head and the face move.

    Returns:
      pose_change: dP of VASA-1, section 4.1, in degrees a frame, see `signals.head_motion`; dynamics_spread: deviation
      of z_dyn over the time of a clip, mean over its components, in deviations of the training set.
    """
    clips = [each[:count] for each, count in zip(motion, length, strict=True)]
    angles = [np.asarray(statistics.restore(clip))[:, :3].astype(np.float64) for clip in clips]
    return {
        "pose_change": float(np.mean([signals.head_motion(clip) for clip in angles])),
        "dynamics_spread": float(np.mean([clip[:, POSE_SIZE:].std(0).mean() for clip in clips])),
    }


class MotionSpace:
    """Where motions are compared as FID compares images: pieces of PIECE frames and their changes from frame to frame,
    each brought to the data's unit deviation, on COMPONENTS principal components of the data.

    Args:
      motion, length: of the data that all others are compared with.
    """

    def __init__(self, motion: Float[np.ndarray, "batch window motion"], length: Int[np.ndarray, " batch"]):
        data = pieces(motion, length)
        self._speed = np.diff(data, axis=1).std((0, 1)) + 1e-6
        features = self._features(data)
        self._mean = features.mean(0)
        self._basis = np.linalg.svd(features - self._mean, full_matrices=False)[2][:COMPONENTS].T
        self._data = self._gaussian(data)

    def distance(self, motion: Float[np.ndarray, "batch window motion"], length: Int[np.ndarray, " batch"]) -> float:
        """Frechet distance of the two Gaussians (arXiv 1706.08500, section 1); few clips are never at 0, so that it
        means something only beside that of as much held-out data."""
        return frechet(*self._data, *self._gaussian(pieces(motion, length)))

    def _gaussian(self, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        placed = (self._features(given) - self._mean) @ self._basis
        return placed.mean(0), np.cov(placed, rowvar=False)

    def _features(self, given: np.ndarray) -> np.ndarray:
        both = np.concatenate([given, np.diff(given, axis=1) / self._speed], 1)
        return both.reshape(len(given), -1).astype(np.float64)


def pieces(
    motion: Float[np.ndarray, "batch window motion"], length: Int[np.ndarray, " batch"]
) -> Float[np.ndarray, "pieces frames motion"]:
    """(P, PIECE, M), every STRIDE frames of what counts of each clip."""
    found = [
        clip[start : start + PIECE]
        for clip, count in zip(motion, length, strict=True)
        for start in range(0, count - PIECE + 1, STRIDE)
    ]
    return np.stack(found)


def frechet(
    mean: Float[np.ndarray, " n"],
    covariance: Float[np.ndarray, "n n"],
    other_mean: Float[np.ndarray, " n"],
    other_covariance: Float[np.ndarray, "n n"],
) -> float:
    """|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)) of two Gaussians (Dowson and Landau, 1982)."""
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(0)).sum()
    return float(((mean - other_mean) ** 2).sum() + np.trace(covariance + other_covariance) - 2 * shared)
