"""The averaged weights of one room, in the form of a release: safetensors and JSON, no Orbax needed to read them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors.numpy import load_file, save_file

from vasa_jax.errors import UserError

WEIGHTS, CONFIG = "weights.safetensors", "config.json"


def save_room(folder: Path, about: Mapping[str, Any], params: Any) -> None:
    """Writes weights (float32) and `about`; every host takes part, the first one writes.

    Args:
      about: {"room": name, "model": the network's config, and what else the weights need at inference}, as JSON.
    """
    arrays = jax.tree.map(whole, params)
    if jax.process_index():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / WEIGHTS, lambda path: save_file(flatten_dict(arrays, sep="/"), path))
    text = json.dumps(about, indent=1) + "\n"
    _replace(folder / CONFIG, lambda path: path.write_text(text))


def load_room(folder: str | Path, room: str) -> tuple[dict, dict]:
    """Config {"room", "model", ...} and parameters (NumPy, float32) of a room: those that a training left in `folder`,
    or those of released weights there.

    Raises:
      UserError: there is no export of that room, nor a release.
    """
    folder = Path(folder)
    released = not (folder / "export").is_dir() and (folder / CONFIG).exists()
    source = folder if released else folder / "export"
    try:
        config = json.loads((source / CONFIG).read_text())
        params = unflatten_dict(load_file(source / WEIGHTS), sep="/")
        if released:
            config, params = {"room": room, **_section(config, room)}, params[room]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"no trained weights in {folder}: train with --workdir={folder} first") from error
    if config["room"] != room:
        raise UserError(f"{folder} holds weights of stage {config['room']!r}, {room!r} is needed")
    return config, jax.tree.map(lambda x: x.astype(np.float32), params)


def _section(config: Mapping[str, Any], room: str) -> dict[str, Any]:
    """What a release says of a room, as its training would; motion comes with its statistics."""
    if room == "student":
        return {**config[room], "statistics": config["statistics"]}
    return {"model": config[room]} | ({"statistics": config["statistics"]} if room == "motion" else {})


def whole(x: jax.Array | np.ndarray) -> np.ndarray:
    """An array that may be spread over hosts, here as a whole."""
    if getattr(x, "is_fully_addressable", True):
        return np.ascontiguousarray(x)
    from jax.experimental import multihost_utils

    return np.ascontiguousarray(multihost_utils.process_allgather(x, tiled=True))


def _replace(path: Path, write: Any) -> None:
    """Writes beside and renames, so that a reader never meets half a file."""
    part = path.with_name(path.name + ".part")
    write(part)
    part.replace(path)
