"""Checkpoints to time: those that exist, and networks of any size with random weights."""

from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vasa_jax import pretrained
from vasa_jax.checkpoint import Checkpoint
from vasa_jax.checkpoint import load as load_checkpoint
from vasa_jax.models import Models
from vasa_jax.types import POSE_SIZE


def checkpoint_of(size: str | None, folder: str | Path | None) -> Checkpoint:
    """The checkpoint of a folder, or without a size and a folder the one that ships; else random weights of
    configs/face_SIZE.py and configs/motion_SIZE.py with the ear that ships."""
    shipped = load_checkpoint(folder or pretrained.path())
    if size is None:
        return shipped
    face, motion = (import_module(f"configs.{room}_{size}").get_config().model.to_dict() for room in ("face", "motion"))
    dynamics, features = face["dynamics_encoder"]["outputs"], shipped.models.speech.feature_size
    motion |= {"motion_size": POSE_SIZE + dynamics, "feature_size": features}
    mean = [0.0] * 6 + [1.0] + [0.0] * dynamics
    config = {
        "format": 1,
        "name": f"random {size}",
        "face": face,
        "motion": motion,
        "speech": shipped.config["speech"],
        "statistics": {"mean": mean, "std": [0.1] * len(mean), "distance": {"mean": 1.0}},
    }
    return Checkpoint(config, {**random_params(Models.build(config)), "speech": shipped.params["speech"]})


def random_params(models: Models) -> Any:
    """Kernels that keep the size of what passes; no bias or scale is left as it begins."""
    generator = np.random.default_rng(0)

    def draw(path: tuple, shape: jax.ShapeDtypeStruct) -> np.ndarray:
        noise, name = generator.standard_normal(shape.shape, np.float32), path[-1].key
        if name == "kernel":
            return noise / np.sqrt(np.prod(shape.shape[:-1], dtype=np.float32))
        return 0.05 * noise + (name in ("scale", "gain"))

    return jax.tree_util.tree_map_with_path(draw, jax.eval_shape(models.init, jax.random.key(0)))
