"""A frozen speech encoder from a file or folder of the user's: its config for `build_speech`, and its parameters."""

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.speech.frozen import wav2vec2_file, whisper_file
from vasa_jax.speech.frozen.tensors import Parameters
from vasa_jax.torch_file import read_weights

ORIGIN = f"{wav2vec2_file.ORIGIN}; or {whisper_file.ORIGIN}"
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
FAMILIES = {
    "wav2vec2": ("wav2vec2", wav2vec2_file),
    "hubert": ("wav2vec2", wav2vec2_file),
    "whisper": ("whisper", whisper_file),
}


def read_encoder(path: str | Path, layer: int | None = None) -> tuple[dict[str, Any], Parameters]:
    """Config {"kind", ...} and parameters (NumPy, float32) of the encoder at `path`.

    Args:
      path: a folder of config.json and model.safetensors or pytorch_model.bin, one such file beside its config.json, or
        an .npz of Whisper's encoder.
      layer: hidden state that becomes the features, see the encoders; None for the last.

    Raises:
      UserError: a file is missing or holds something else.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            config, tensors = whisper_file.unpacked(_read_npz(path))
            kind, family = FAMILIES["whisper"]
        else:
            folder, file = _places(path)
            config = _read_json(folder / CONFIG)
            kind, family = _family(config)
            tensors = read_weights(file, family.ORIGIN)
        fields = family.fields_of(config)
        params = family.parameters_of(fields, tensors)
        fields |= {"layer": _layer(layer, fields["layers"])}
        if kind == "wav2vec2":
            fields["normalise"] = _normalises(path if path.is_dir() else path.parent)
    except (KeyError, ValueError, TypeError, AttributeError, BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not a speech encoder ({reason:.200}); expected {ORIGIN}") from None
    return {"kind": kind, **fields}, params


def _places(path: Path) -> tuple[Path, Path]:
    """The folder of config.json, and the file of weights."""
    if not path.is_dir():
        return path.parent, path
    found = [path / name for name in WEIGHTS if (path / name).is_file()]
    if not found:
        raise UserError(f"{path} has no {' or '.join(WEIGHTS)}; expected {ORIGIN}")
    return path, found[0]


def _family(config: dict[str, Any]) -> tuple[str, Any]:
    name = config.get("model_type")
    if name not in FAMILIES:
        raise ValueError(f"its config.json has model_type {name!r}, not one of {', '.join(FAMILIES)}")
    return FAMILIES[name]


def _layer(layer: int | None, layers: int) -> int:
    if layer is None:
        return -1
    if not -1 <= layer <= layers:
        raise UserError(f"--layer must be between -1 and {layers}, not {layer}")
    return layer


def _normalises(folder: Path) -> bool:
    """Whether the model wants its audio scaled, as the file beside the weights says; they do unless it says no."""
    file = folder / PREPROCESSOR
    return bool(_read_json(file).get("do_normalize", True)) if file.exists() else True


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"no {path.name} in {path.parent}; expected {ORIGIN}") from None


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except FileNotFoundError:
        raise UserError(f"no file of weights at {path}; expected {whisper_file.ORIGIN}") from None
