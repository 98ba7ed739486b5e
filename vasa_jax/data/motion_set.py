"""What stage 2 learns from: clips as motion and speech features, and the statistics of the training split."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.data import clips
from vasa_jax.errors import UserError
from vasa_jax.motion import Statistics

STATISTICS = "statistics.json"
NAMES = ("clip", "identity", "speaker", "text")
LABELS = ("gaze", "distance", "expression", "lip_opening", "emotion", "phones")
KEPT = (*NAMES, *LABELS)  # of a clip's record
RIDGE = 1.0  # of the lip read-out, in squared standard deviations a thousand frames


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
    weights, bias, explained = lip_readout(np.asarray(of.standardise(motion)), opening)
    return {
        "mean": np.asarray(of.mean).tolist(),
        "std": np.asarray(of.std).tolist(),
        "distance": {"mean": float(distance.mean()), "std": float(distance.std())},
        "lips": {"weights": weights.tolist(), "bias": bias, "r2": explained},
    }


def lip_readout(motion: np.ndarray, opening: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Ridge regression of the lip opening (N,) on standardised motion (N, M): weights, bias, explained variance."""
    bias = float(opening.mean())
    target = opening - bias
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
