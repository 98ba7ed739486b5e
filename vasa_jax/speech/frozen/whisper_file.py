"""Whisper's encoder from its files: Hugging Face's layout, and the packed layout of CTranslate2's names.

The packed one joins query, key and value in one matrix and has no config beside it: its shapes tell all. Whisper's
decoder is known and left out.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from vasa_jax.speech.frozen.tensors import Parameters, Tensors

ORIGIN = (
    "a folder with config.json and model.safetensors as openai/whisper-tiny.en has them on Hugging Face (MIT), or an "
    ".npz of its encoder by CTranslate2's names"
)
UNUSED = r"decoder\.|proj_out\."
PARTS = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "out_proj"}
PACKED = {"/gamma": ".weight", "/beta": ".bias", "/": "."}
PACKED_NAMES = {
    r"^encoder\.position_encodings\.encodings": "encoder.embed_positions.weight",
    r"\.layer_(\d+)\.": r".layers.\1.",
    r"\.ffn\.layer_norm": ".final_layer_norm",
    r"\.ffn\.linear_0": ".fc1",
    r"\.ffn\.linear_1": ".fc2",
    r"\.self_attention\.layer_norm": ".self_attn_layer_norm",
    r"\.self_attention\.linear_1": ".self_attn.out_proj",
}


def fields_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of WhisperSpeechEncoder from a config.json.

    Raises:
      ValueError: it asks for a layer that is not built here, or leaves out a size.
    """
    if config.get("scale_embedding", False) or config.get("activation_function", "gelu") != "gelu":
        raise ValueError("its scale_embedding or activation_function is not Whisper's")
    names = {
        "feature_size": "d_model",
        "layers": "encoder_layers",
        "heads": "encoder_attention_heads",
        "feedforward": "encoder_ffn_dim",
        "positions": "max_source_positions",
        "bands": "num_mel_bins",
    }
    for name in names.values():
        if name not in config:
            raise ValueError(f"its config.json has no {name}")
    return {ours: config[name] for ours, name in names.items()}


def parameters_of(fields: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Parameters:
    """The parameters of WhisperSpeechEncoder, every name and shape checked.

    Raises:
      ValueError: a tensor is missing, has another shape, or has no place in the network.
    """
    found = Tensors({name.removeprefix("model."): tensor for name, tensor in tensors.items()})
    width, bands = fields["feature_size"], fields["bands"]
    encoder = {
        "first": found.convolution("encoder.conv1", bands, width, 3),
        "second": found.convolution("encoder.conv2", width, width, 3),
        "position": found.take("encoder.embed_positions.weight", fields["positions"], width),
        "norm": found.norm("encoder.layer_norm", width),
        **{f"blocks_{n}": _layer(found, f"encoder.layers.{n}", fields) for n in range(fields["layers"])},
    }
    found.finish(UNUSED)
    return {"encoder": encoder}


def _layer(found: Tensors, name: str, fields: Mapping[str, Any]) -> Parameters:
    width, hidden = fields["feature_size"], fields["feedforward"]
    return {
        # A bias of the keys would change nothing: softmax takes out what is the same for all.
        "attention": {
            ours: found.dense(f"{name}.self_attn.{part}", width, width, bias=ours != "key")
            for ours, part in PARTS.items()
        },
        "attention_norm": found.norm(f"{name}.self_attn_layer_norm", width),
        "widen": found.dense(f"{name}.fc1", width, hidden),
        "narrow": found.dense(f"{name}.fc2", hidden, width),
        "feedforward_norm": found.norm(f"{name}.final_layer_norm", width),
    }


def unpacked(packed: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A config and tensors as Hugging Face has them, from the packed layout.

    Raises:
      KeyError, ValueError: it is not that layout.
    """
    tensors = {}
    for name, value in packed.items():
        name = _unpacked_name(name)
        if match := re.fullmatch(r"(.*)\.self_attention\.linear_0\.(weight|bias)", name):
            for part, share in zip(("q_proj", "k_proj", "v_proj"), np.split(value, 3), strict=True):
                tensors[f"{match[1]}.self_attn.{part}.{match[2]}"] = share
        else:
            tensors[name] = value
    heads = int(tensors.pop("encoder.num_heads"))
    layers = len({name.split(".")[2] for name in tensors if name.startswith("encoder.layers.")})
    for number in range(layers):
        tensors.pop(f"encoder.layers.{number}.self_attn.k_proj.bias")  # see _layer
    width, bands, _ = tensors["encoder.conv1.weight"].shape
    config = {
        "d_model": width,
        "encoder_layers": layers,
        "encoder_attention_heads": heads,
        "encoder_ffn_dim": len(tensors["encoder.layers.0.fc1.bias"]),
        "max_source_positions": len(tensors["encoder.embed_positions.weight"]),
        "num_mel_bins": bands,
    }
    return config, tensors


def _unpacked_name(name: str) -> str:
    for old, new in PACKED.items():
        name = name.replace(old, new)
    for pattern, new in PACKED_NAMES.items():
        name = re.sub(pattern, new, name)
    return name
