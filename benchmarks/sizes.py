"""Checkpoints to time: those that exist, and networks of any size with random weights."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vasa_jax import pretrained
from vasa_jax.checkpoint import Checkpoint
from vasa_jax.checkpoint import load as load_checkpoint
from vasa_jax.models import Models
from vasa_jax.open_weights.convert import FACE, MOTION, SPEECH
from vasa_jax.types import POSE_SIZE


def checkpoint_of(size: str | None, folder: str | Path | None) -> Checkpoint:
    """The checkpoint of a folder, or without a size and a folder the one that ships; else random weights: those of
    configs/face_SIZE.py and configs/motion_SIZE.py with the ear that ships, or of LivePortrait and JoyVASA."""
    if size == "liveportrait":
        return _published()
    shipped = load_checkpoint(folder or pretrained.path())
    if size is None:
        return shipped
    face, motion = (import_module(f"configs.{room}_{size}").get_config().model.to_dict() for room in ("face", "motion"))
    dynamics, features = face["dynamics_encoder"]["outputs"], shipped.models.speech.feature_size
    motion |= {"motion_size": POSE_SIZE + dynamics, "feature_size": features}
    config = _config(size, dynamics, {"face": face, "motion": motion, "speech": shipped.config["speech"]})
    return Checkpoint(config, {**random_params(Models.build(config)), "speech": shipped.params["speech"]})


def _published() -> Checkpoint:
    """Random weights of the published sizes of LivePortrait, JoyVASA and HuBERT."""
    networks = {"face": FACE, "motion": MOTION, "speech": SPEECH}
    config = _config("liveportrait", Models.build(networks).face.dynamics_size, networks)
    params = random_params(Models.build(config))
    for part, layer in (("motion_extractor", "heads"), ("generator", "last")):
        # Small, as in trained networks: with keypoints outside of the volume, and pixels at the ends of their range,
        # float32's rounding is seen a hundredfold.
        params["face"][part][layer]["kernel"] *= 0.1
    return Checkpoint(config, params)


def _config(size: str, dynamics: int, networks: Mapping[str, Any]) -> dict[str, Any]:
    """Of networks whose motion has dynamics of that size; heads near the reference pose."""
    mean = [0.0] * 6 + [1.0] + [0.0] * dynamics
    statistics = {"mean": mean, "std": [0.1] * len(mean), "distance": {"mean": 1.0}}
    return {"format": 1, "name": f"random {size}", **networks, "statistics": statistics}


def random_params(models: Models) -> Any:
    """Kernels that keep the size of what passes; no bias or scale is left as it begins."""
    generator = np.random.default_rng(0)

    def draw(path: tuple, shape: jax.ShapeDtypeStruct) -> np.ndarray:
        noise, name = generator.standard_normal(shape.shape, np.float32), path[-1].key
        if name == "kernel":
            return noise / np.sqrt(np.prod(shape.shape[:-1], dtype=np.float32))
        return 0.05 * noise + (name in ("scale", "gain"))

    return jax.tree_util.tree_map_with_path(draw, jax.eval_shape(models.init, jax.random.key(0)))
