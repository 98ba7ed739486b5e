"""What stage 2 learns from: clips as motion and speech features, and the statistics of the training split."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.data import clips
from vasa_jax.errors import UserError
from vasa_jax.motion import Statistics
from vasa_jax.types import POSE_SIZE

STATISTICS = "statistics.json"
NAMES = ("clip", "identity", "speaker", "text")
LABELS = ("gaze", "distance", "expression", "lip_opening", "emotion", "phones")
KEPT = (*NAMES, *LABELS)  # of a clip's record
RIDGE = 1.0  # of the read-outs of lips and lids, in squared standard deviations a thousand frames


def motion_features(motion_size: int, feature_size: int):
    """The TFDS features of an encoded clip of T frames.

    motion: (T, 7 + Z), not standardised. audio_features: (T, F). The rest as in data.clips.
    """
    import tensorflow_datasets as tfds

    def per_frame(*shape):
        return tfds.features.Tensor(shape=(None, *shape), dtype=np.float32)

    return tfds.features.FeaturesDict(
        {
            "motion": per_frame(motion_size),
            "audio_features": per_frame(feature_size),
            **{name: feature for name, feature in clips.clip_features(1).items() if name in KEPT},
        }
    )


def statistics(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What goes with the motion of a training split, as JSON; records with motion, distance and lip_opening."""
    motion = np.concatenate([record["motion"] for record in records])
    distance = np.concatenate([record["distance"] for record in records])
    opening = np.concatenate([record["lip_opening"] for record in records])
    of = Statistics.of(motion)
    expression = np.concatenate([record["expression"] for record in records])
    standardised = np.asarray(of.standardise(motion))
    weights, bias, explained = readout(standardised, opening)
    return {
        "mean": np.asarray(of.mean).tolist(),
        "std": np.asarray(of.std).tolist(),
        "distance": {"mean": float(distance.mean()), "std": float(distance.std())},
        "lips": {"weights": weights.tolist(), "bias": bias, "r2": explained},
        "lids": lids(standardised, expression),
    }


def lids(motion: np.ndarray, expression: np.ndarray) -> dict[str, Any]:
    """How standardised motion (N, M) tells how far the lids are closed, and what closes them.

    Returns:
      weights (M,), bias, r2: the read-out of the mean of the two eyeBlink coefficients, 0 open and 1 closed.
      direction (M,): what is added to the motion when open lids close and all other coefficients stay, by ridge
        regression of the motion on the expression (N, 57); head pose is left out of it.
    """
    closed = expression[:, clips.EYE_BLINK].mean(1)
    weights, bias, explained = readout(motion, closed)
    others = np.delete(expression, np.r_[clips.EYE_BLINK], 1)
    coefficients = np.concatenate([closed[:, None], others], 1).astype(np.float64)
    coefficients -= coefficients.mean(0)
    penalty = RIDGE * len(motion) / 1000 * np.eye(coefficients.shape[1])
    direction = np.linalg.solve(coefficients.T @ coefficients + penalty, coefficients.T @ motion)[0]
    direction[:POSE_SIZE] = 0
    return {"weights": weights.tolist(), "bias": bias, "r2": explained, "direction": direction.tolist()}


def readout(motion: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Ridge regression of a label (N,) on standardised motion (N, M): weights, bias, explained variance."""
    bias = float(label.mean())
    target = label - bias
    penalty = RIDGE * len(motion) / 1000 * np.eye(motion.shape[1])
    weights = np.linalg.solve(motion.T @ motion + penalty, motion.T @ target).astype(np.float32)
    error = ((motion @ weights - target) ** 2).sum()
    return weights, bias, float(1 - error / max((target**2).sum(), 1e-9))


def read_statistics(folder: str | Path) -> dict[str, Any]:
    """The `statistics` beside the motion set in `folder`.

    Raises:
      UserError: there are none.
    """
    try:
        return json.loads((Path(folder) / STATISTICS).read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"no motion set in {folder}: make one with `python -m vasa_jax.data.encode_motion`") from error
