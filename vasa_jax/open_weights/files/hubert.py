"""HuBERT for JoyVASA: from JoyVASA's own file, where it was trained further, or from Hugging Face's layout."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.open_weights.files.arrays import Params
from vasa_jax.open_weights.joyvasa import JoySpeechEncoder
from vasa_jax.speech.frozen import wav2vec2_file
from vasa_jax.torch_file import read_weights

ORIGIN = "huggingface.co/TencentGameMate/chinese-hubert-base (MIT)"
NAMES = ("model.safetensors", "pytorch_model.bin")


def speech_network(
    net: JoySpeechEncoder, inside: Mapping[str, np.ndarray], folder: Path | None, generator_file: Path
) -> Params:
    """Parameters "extractor" and "encoder" of the speech encoder.

    Args:
      inside: arrays that JoyVASA's file holds of it; where there are any they are taken, and `folder` is not read.

    Raises:
      UserError: neither has them, or they are of another network.
    """
    where, tensors = generator_file, dict(inside)
    if not tensors:
        if folder is None:
            raise UserError(f"{generator_file} does not hold its speech network: give --hubert, the folder of {ORIGIN}")
        where = _find(folder)
        tensors = {name: np.asarray(x, np.float32) for name, x in read_weights(where, ORIGIN).items()}
    try:
        return wav2vec2_file.parameters_of(_fields(net), tensors)
    except ValueError as error:
        raise UserError(f"{where} does not hold JoyVASA's speech network ({error}); expected {ORIGIN}") from None


def _find(folder: Path) -> Path:
    for name in NAMES:
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"no {' or '.join(NAMES)} in {folder}: it is of {ORIGIN}")


def _fields(net: JoySpeechEncoder) -> dict[str, Any]:
    """As `wav2vec2_file.fields_of` gives them."""
    return {
        "feature_size": net.width,
        "layers": net.layers,
        "heads": net.heads,
        "feedforward": net.feedforward,
        "norm_first": False,
        "position_taps": 128,
        "position_groups": 16,
        "channels": net.channels,
        "kernels": (10, 3, 3, 3, 3, 2, 2),
        "strides": (5, 2, 2, 2, 2, 2, 2),
        "norm": "group",
        "bias": False,
    }
