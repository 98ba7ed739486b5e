"""Wav2Vec2 and HuBERT from their files on Hugging Face: numbers of config.json, names of tensors.

What training alone needs (the mask's embedding, the quantiser, heads for text) is known and left out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vasa_jax.speech.frozen.tensors import Parameters, Tensors

ORIGIN = (
    "a folder with config.json and model.safetensors as facebook/wav2vec2-base-960h, facebook/wav2vec2-large-lv60 or "
    "facebook/hubert-base-ls960 have them on Hugging Face (Apache-2.0)"
)
PREFIXES = ("wav2vec2.", "hubert.")
UNUSED = r"masked_spec_embed$|lm_head\.|quantizer\.|project_hid\.|project_q\."
# What config.json says of layers that are not built, and what it must say or leave out.
ONLY = {
    "add_adapter": False,
    "adapter_attn_dim": None,
    "conv_pos_batch_norm": False,
    "feat_proj_layer_norm": True,
    "hidden_act": "gelu",
    "feat_extract_activation": "gelu",
}


def fields_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of Wav2Vec2SpeechEncoder from a config.json; what it leaves out is as in the base model.

    Raises:
      ValueError: it asks for a layer that is not built here.
    """
    for name, value in ONLY.items():
        if config.get(name, value) != value:
            raise ValueError(f"its {name} is {config[name]!r}, only {value!r} is built here")
    return {
        "feature_size": config.get("hidden_size", 768),
        "layers": config.get("num_hidden_layers", 12),
        "heads": config.get("num_attention_heads", 12),
        "feedforward": config.get("intermediate_size", 3072),
        "norm_first": config.get("do_stable_layer_norm", False),
        "position_taps": config.get("num_conv_pos_embeddings", 128),
        "position_groups": config.get("num_conv_pos_embedding_groups", 16),
        "epsilon": config.get("layer_norm_eps", 1e-5),
        "channels": list(config.get("conv_dim", (512,) * 7)),
        "kernels": list(config.get("conv_kernel", (10, 3, 3, 3, 3, 2, 2))),
        "strides": list(config.get("conv_stride", (5, 2, 2, 2, 2, 2, 2))),
        "norm": config.get("feat_extract_norm", "group"),
        "bias": config.get("conv_bias", False),
    }


def parameters_of(fields: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Parameters:
    """The parameters of Wav2Vec2SpeechEncoder, every name and shape checked.

    Raises:
      ValueError: a tensor is missing, has another shape, or has no place in the network.
    """
    found = Tensors({_without_prefix(name): tensor for name, tensor in tensors.items()})
    params = {"extractor": _extractor(found, fields), "encoder": _encoder(found, fields)}
    found.finish(UNUSED)
    return params


def _without_prefix(name: str) -> str:
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def _extractor(found: Tensors, fields: Mapping[str, Any]) -> Parameters:
    params, inputs = {}, 1
    for number, (width, taps) in enumerate(zip(fields["channels"], fields["kernels"], strict=True)):
        name = f"feature_extractor.conv_layers.{number}"
        params[f"convolutions_{number}"] = found.convolution(f"{name}.conv", inputs, width, taps, fields["bias"])
        if fields["norm"] == "layer":
            params[f"norms_{number}"] = found.norm(f"{name}.layer_norm", width)
        elif number == 0:
            norm = found.norm(f"{name}.layer_norm", width)
            params |= {"gain": norm["scale"], "offset": norm["bias"]}
        inputs = width
    return params


def _encoder(found: Tensors, fields: Mapping[str, Any]) -> Parameters:
    width, channels = fields["feature_size"], fields["channels"][-1]
    return {
        "project_norm": found.norm("feature_projection.layer_norm", channels),
        "project": found.dense("feature_projection.projection", channels, width),
        "position": _position(found, fields),
        "norm": found.norm("encoder.layer_norm", width),
        **{f"blocks_{n}": _layer(found, f"encoder.layers.{n}", fields) for n in range(fields["layers"])},
    }


def _position(found: Tensors, fields: Mapping[str, Any]) -> Parameters:
    """The convolution's kernel is g v / |v|, the norm over all but the taps (Salimans and Kingma, arXiv 1602.07868)."""
    name, taps, width = "encoder.pos_conv_embed.conv", fields["position_taps"], fields["feature_size"]
    spellings = (("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1"))
    size, direction = spellings[f"{name}.{spellings[1][0]}" in found]
    gain = found.take(f"{name}.{size}", 1, 1, taps)
    vector = found.take(f"{name}.{direction}", width, width // fields["position_groups"], taps)
    kernel = gain * vector / np.sqrt((vector**2).sum((0, 1), keepdims=True))
    return {"kernel": kernel.transpose(2, 1, 0), "bias": found.take(f"{name}.bias", width)}


def _layer(found: Tensors, name: str, fields: Mapping[str, Any]) -> Parameters:
    width, hidden = fields["feature_size"], fields["feedforward"]
    parts = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "out_proj"}
    return {
        "attention": {ours: found.dense(f"{name}.attention.{part}", width, width) for ours, part in parts.items()},
        "attention_norm": found.norm(f"{name}.layer_norm", width),
        "widen": found.dense(f"{name}.feed_forward.intermediate_dense", width, hidden),
        "narrow": found.dense(f"{name}.feed_forward.output_dense", hidden, width),
        "feedforward_norm": found.norm(f"{name}.final_layer_norm", width),
    }
