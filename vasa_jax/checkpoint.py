"""Released weights: one folder of `weights.safetensors` and `config.json`; reading it runs nothing in it.

The JSON holds what the networks are made of and the statistics of the motion; the weights are checked against
the networks that follow from it, name by name, before anything is computed with them. Training states are
another matter: Orbax keeps those.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as to_bytes

from vasa_jax.errors import UserError
from vasa_jax.models import Models, Parameters
from vasa_jax.motion import Sampling, Statistics
from vasa_jax.types import POSE_SIZE

FORMAT = 1
WEIGHTS, CONFIG = "weights.safetensors", "config.json"
SECTIONS = ("face", "motion", "speech", "statistics")
KEYS = {"format": int, "name": str, **dict.fromkeys(SECTIONS, Mapping)}


@dataclass(frozen=True)
class Checkpoint:
    """What a released folder holds.

    Attributes:
      config: {"format": 1, "name", "face", "motion", "speech": the networks' fields, "statistics": {"mean",
        "std": of the motion vector, each 7 + Z numbers, "distance": {"mean": of the training set, ...}}}; with a
        few-step student of the motion also "student": {"model": its fields, "steps", "guidance": the largest scale that
        it has learned of each condition}.
      params: {"face", "motion", "speech"} and "student" if there is one: nested parameters, float32 NumPy arrays.
    """

    config: Mapping[str, Any]
    params: Parameters

    @cached_property
    def models(self) -> Models:
        return Models.build(self.config)

    @property
    def statistics(self) -> Statistics:
        """Of the motion vector."""
        return Statistics.stored(self.config["statistics"])

    @property
    def mean_distance(self) -> float:
        """Mean head distance of the training set, the default at inference (VASA-1, section 4.1)."""
        return float(self.config["statistics"]["distance"]["mean"])


def save(folder: str | Path, checkpoint: Checkpoint, dtype: Any = np.float16) -> None:
    """Write `config.json` and `weights.safetensors` into `folder`, which is made if it is missing.

    Parameters that inference does not run (a head for training only) are left out.

    Args:
      dtype: type that the weights are stored in, float16 or float32.

    Raises:
      UserError: the parameters or the statistics do not belong to the config.
    """
    folder = Path(folder)
    _check_config(checkpoint.config, folder)
    expected = _expected(checkpoint.models)
    params = flatten_dict(checkpoint.params, sep="/")
    given = {name: np.asarray(params[name]) for name in params.keys() & expected.keys()}
    _check_names_and_shapes(given, expected, folder)
    stored = {name: _stored(name, value, np.dtype(dtype)) for name, value in given.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(_plain(checkpoint.config), indent=1) + "\n")
    (folder / WEIGHTS).write_bytes(to_bytes(stored))


def load(folder: str | Path) -> Checkpoint:
    """Read and check a released folder.

    Raises:
      UserError: a file is missing or damaged, the format is another one, or the weights, the statistics and
        the networks of the config do not fit each other; the message names the first mismatch.
    """
    checkpoint = read(folder)
    weights, models = flatten_dict(checkpoint.params, sep="/"), _models(checkpoint, Path(folder))
    _check_names_and_shapes(weights, _expected(models), Path(folder))
    return checkpoint


def read(folder: str | Path) -> Checkpoint:
    """The same for weights that are known to fit: the networks are not traced to check it.

    Raises:
      UserError: a file is missing or damaged, or the format is another one.
    """
    folder = Path(folder)
    return Checkpoint(_read_config(folder), unflatten_dict(_read_weights(folder), sep="/"))


def _stored(name: str, value: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(value, dtype)
    if not np.isfinite(stored).all():
        raise UserError(f"the parameter {name} does not fit into {dtype}, or is not finite")
    return stored


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text())
    except FileNotFoundError as error:
        raise UserError(f"no checkpoint in {folder}: {CONFIG} is missing") from error
    except (OSError, ValueError) as error:
        raise UserError(f"the checkpoint's {CONFIG} cannot be read: {folder}") from error
    _check_config(config, folder)
    return config


def _read_weights(folder: Path) -> dict[str, np.ndarray]:
    try:
        stored = load_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise UserError(f"no checkpoint in {folder}: {WEIGHTS} is missing") from error
    except (OSError, SafetensorError) as error:
        raise UserError(f"the checkpoint's {WEIGHTS} is damaged: {folder}") from error
    return {name: value.astype(np.float32) for name, value in stored.items()}


def _check_config(config: Any, folder: Path) -> None:
    for key, kind in KEYS.items():
        if not isinstance(config, Mapping) or not isinstance(config.get(key), kind):
            raise UserError(f"the checkpoint's {CONFIG} has no proper {key!r}: {folder}")
    if config["format"] != FORMAT:
        raise UserError(f"the checkpoint has format {config['format']}, this version reads {FORMAT}: {folder}")
    _check_statistics(config["statistics"], folder)
    _check_student(config.get("student"), folder)


def _check_statistics(statistics: Mapping[str, Any], folder: Path) -> None:
    try:
        mean, std = (np.asarray(statistics[name], np.float32) for name in ("mean", "std"))
        distance = float(statistics["distance"]["mean"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"the checkpoint's statistics lack mean, std or distance: {folder}") from error
    numbers = np.concatenate([mean.ravel(), std.ravel(), [distance]])
    if mean.ndim != 1 or mean.shape != std.shape or not np.isfinite(numbers).all() or std.min(initial=1) <= 0:
        raise UserError(f"the checkpoint's statistics are not usable numbers: {folder}")


def _check_student(student: Any, folder: Path) -> None:
    """Absent, or with all that sampling by it needs."""
    if student is None:
        return
    try:
        Sampling(student["steps"])
        ready = sorted(student["guidance"]) == sorted(student["model"]["told"])
        ready &= all(float(scale) > 0 for scale in student["guidance"].values())
    except (AttributeError, KeyError, TypeError, ValueError):
        ready = False
    if not ready:
        raise UserError(f"the checkpoint's {CONFIG} has no proper 'student': {folder}")


def _models(checkpoint: Checkpoint, folder: Path) -> Models:
    """The networks, and their agreement on the two sizes that pass between them."""
    try:
        models = checkpoint.models
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"the checkpoint's {CONFIG} describes networks unknown to this version: {folder}") from error
    sizes = {
        "motion vector": (models.motion.motion_size, POSE_SIZE + models.face.dynamics_size),
        "speech feature": (models.motion.feature_size, models.speech.feature_size),
        "statistics": (checkpoint.statistics.mean.size, models.motion.motion_size),
    }
    if models.student is not None:
        for field in ("window", "history", "motion_size", "feature_size"):
            wanted = getattr(models.motion, field)
            sizes[f"student's {field.replace('_', ' ')}"] = getattr(models.student, field), wanted
    for what, (found, wanted) in sizes.items():
        if found != wanted:
            raise UserError(
                f"the checkpoint does not fit together: {what} of {found} where {wanted} are needed: {folder}"
            )
    return models


@lru_cache(maxsize=4)
def _expected(models: Models) -> dict[str, tuple[int, ...]]:
    """Name and shape of every parameter, without computing one; tracing the networks takes a second or so."""
    shapes = jax.eval_shape(models.init, jax.random.key(0))
    return {name: leaf.shape for name, leaf in flatten_dict(shapes, sep="/").items()}


def _check_names_and_shapes(
    weights: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]], folder: Path
) -> None:
    for mismatch in _mismatches(weights, expected):
        raise UserError(f"a checkpoint of another size or kind: {mismatch}: {folder}")


def _mismatches(weights: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    for name in sorted(expected.keys() | weights.keys()):
        if name not in weights:
            yield f"{name} is missing"
        elif name not in expected:
            yield f"{name} is not in the networks of its config"
        elif weights[name].shape != tuple(expected[name]):
            yield f"{name} has shape {weights[name].shape}, its config asks for {tuple(expected[name])}"


def _plain(value: Any) -> Any:
    """Mappings, sequences and array elements as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic | jax.Array) else value
