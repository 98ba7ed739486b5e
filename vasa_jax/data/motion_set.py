"""What stage 2 learns from: clips as motion and speech features, and the statistics of the training split."""

import json
from collections.abc import Mapping
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
LIDS_OPEN, LIDS_SHUT = 0.35, 0.2  # eye openness as landmarks read it, see data.videos.labels.eye_openness
RIDGE = 1.0  # of the read-outs of lips and lids, in squared standard deviations a thousand frames


def kept(record: Mapping[str, Any]) -> dict[str, Any]:
    """What an encoded clip keeps of a clip's record: KEPT, and eye_openness where the record has it."""
    names = (*KEPT, "eye_openness") if "eye_openness" in record else KEPT
    return {name: record[name] for name in names}


def motion_features(motion_size: int, feature_size: int, eye_openness: bool = False):
    """The TFDS features of an encoded clip of T frames.

    motion: (T, 7 + Z), not standardised. audio_features: (T, F). The rest as in data.clips and, of videos,
    data.videos.record.

    Args:
      eye_openness: whether the clips have it.
    """
    import tensorflow_datasets as tfds

    def per_frame(*shape):
        return tfds.features.Tensor(shape=(None, *shape), dtype=np.float32)

    return tfds.features.FeaturesDict(
        {
            "motion": per_frame(motion_size),
            "audio_features": per_frame(feature_size),
            **{name: feature for name, feature in clips.clip_features(1).items() if name in KEPT},
            **({"eye_openness": per_frame()} if eye_openness else {}),
        }
    )


def statistics(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What goes with the motion of a training split, as JSON; records with motion, distance, lip_opening, expression
    and, where the latter is not known, eye_openness. What no record tells of is left out."""
    motion = np.concatenate([record["motion"] for record in records])
    distance = np.concatenate([record["distance"] for record in records])
    opening = np.concatenate([record["lip_opening"] for record in records])
    of = Statistics.of(motion)
    standardised = np.asarray(of.standardise(motion))
    weights, bias, explained = readout(standardised, opening)
    told = {
        "mean": np.asarray(of.mean).tolist(),
        "std": np.asarray(of.std).tolist(),
        "distance": {"mean": float(distance.mean()), "std": float(distance.std())},
        "lips": {"weights": weights.tolist(), "bias": bias, "r2": explained},
    }
    coefficients = [lids_closed(record) for record in records]
    known = np.concatenate([np.full(len(c), np.isfinite(c).all()) for c in coefficients])
    if known.all() and len({c.shape[1] for c in coefficients}) == 1:
        told["lids"] = lids(standardised, np.concatenate(coefficients))
    return told


def lids_closed(record: Mapping[str, Any]) -> np.ndarray:
    """(T, n) how far the lids are closed, 0 open and 1 shut, and behind it the other coefficients of the expression
    where they are known."""
    expression = record["expression"]
    if np.isfinite(expression).all() or "eye_openness" not in record:
        others = np.delete(expression, np.r_[clips.EYE_BLINK], 1)
        return np.concatenate([expression[:, clips.EYE_BLINK].mean(1, keepdims=True), others], 1)
    return (LIDS_OPEN - record["eye_openness"][:, None]) / (LIDS_OPEN - LIDS_SHUT)


def lids(motion: np.ndarray, coefficients: np.ndarray) -> dict[str, Any]:
    """How standardised motion (N, M) tells how far the lids are closed, and what closes them.

    Args:
      coefficients: (N, n) of `lids_closed`.

    Returns:
      weights (M,), bias, r2: the read-out of how far they are closed, 0 open and 1 shut.
      direction (M,): what is added to the motion when open lids close and all other coefficients stay, by ridge
        regression of the motion on the coefficients; head pose is left out of it.
    """
    weights, bias, explained = readout(motion, coefficients[:, 0])
    coefficients = coefficients.astype(np.float64)
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
