"""Parameters of JoyVASA's generator, and the statistics of its motion, from its published files.

Its motion vector is (expression 63, scale, translation 3, pitch, yaw, roll, six unused), ours (yaw, pitch, roll,
translation 3, scale, expression 63, six unused) in a frame that is turned, see `liveportrait.keypoints`. Order and
signs go into the weights that touch a motion vector, so that the network speaks ours.
"""

from typing import Any

import numpy as np

from vasa_jax.open_weights.files import arrays
from vasa_jax.open_weights.files.arrays import Params, Weights
from vasa_jax.open_weights.joyvasa.model import JoyMotion

EXPRESSION = 63
SCALE, TRANSLATION, PITCH, YAW, ROLL = 63, (64, 65, 66), 67, 68, 69
UNUSED = tuple(range(70, 76))
# Where each of our components is in theirs, and its sign there.
ORDER = (YAW, PITCH, ROLL, *TRANSLATION, SCALE, *range(EXPRESSION), *UNUSED)
SIGNS = np.array([-1, 1, -1, 1, -1, -1] + [1] * (len(ORDER) - 6), np.float32)
LEAST_DEVIATION = 1e-6


def generator(net: JoyMotion, weights: Weights) -> Params:
    """JoyMotion in the order of the published motion vector."""
    return {
        "denoiser": _denoiser(net, weights),
        "start_motion": weights["start_motion_feat"][0],
        "start_audio": weights["start_audio_feat"][0],
        "null_audio": weights["null_audio_feat"][0, 0],
    }


def _denoiser(net: JoyMotion, weights: Weights) -> Params:
    name = "denoising_net"
    names = {
        "motion": "feature_proj",
        "step_in": "diff_step_map.0",
        "step_out": "diff_step_map.2",
        "head_in": "motion_dec.0",
        "head_out": "motion_dec.2",
    }
    params = {ours: arrays.linear(weights, f"{name}.{theirs}") for ours, theirs in names.items()}
    layers = {f"layer_{i}": _layer(weights, f"{name}.transformer.layers.{i}") for i in range(net.layers)}
    return params | layers


def _layer(weights: Weights, name: str) -> Params:
    return {
        "self_attention": _attention(weights, f"{name}.self_attn", ("query", "key", "value")),
        "audio_attention": _attention(weights, f"{name}.multihead_attn", ("value",)),
        "widen": arrays.linear(weights, f"{name}.linear1"),
        "narrow": arrays.linear(weights, f"{name}.linear2"),
        "self_norm": arrays.layer_norm(weights, f"{name}.norm1"),
        "audio_norm": arrays.layer_norm(weights, f"{name}.norm2"),
        "feedforward_norm": arrays.layer_norm(weights, f"{name}.norm3"),
    }


def _attention(weights: Weights, name: str, used: tuple[str, ...]) -> Params:
    """PyTorch keeps query, key and value in one matrix."""
    kernels = dict(zip(("query", "key", "value"), np.split(weights[f"{name}.in_proj_weight"], 3), strict=True))
    biases = dict(zip(kernels, np.split(weights[f"{name}.in_proj_bias"], 3), strict=True))
    params = {part: {"kernel": kernels[part].T, "bias": biases[part]} for part in used}
    return params | {"out": arrays.linear(weights, f"{name}.out_proj")}


def in_our_order(params: Params) -> Params:
    """The generator's parameters for our motion vector."""
    order, denoiser = list(ORDER), params["denoiser"]
    entry, head = denoiser["motion"], denoiser["head_out"]
    return params | {
        "start_motion": params["start_motion"][:, order] * SIGNS,
        "denoiser": denoiser
        | {
            "motion": entry | {"kernel": entry["kernel"][order] * SIGNS[:, None]},
            "head_out": {part: head[part][..., order] * SIGNS for part in ("kernel", "bias")},
        },
    }


def statistics(template: dict[str, np.ndarray]) -> dict[str, Any]:
    """Mean and deviation of our motion vector, so that standardised motion is what the generator works on.

    Args:
      template: std_exp, mean_exp and min_, max_ of scale, t, pitch, yaw, roll; angles in degrees.

    Raises:
      ValueError: an entry is missing or has another size.
    """
    low = np.concatenate([_entry(template, "mean_exp", EXPRESSION), *_ranges(template, "min")])
    width = np.concatenate([_entry(template, "std_exp", EXPRESSION), *_ranges(template, "max")])
    width[EXPRESSION:] -= low[EXPRESSION:]
    for angle in (PITCH, YAW, ROLL):
        low[angle], width[angle] = np.deg2rad(low[angle]), np.deg2rad(width[angle])
    low, width = np.append(low, np.zeros(len(UNUSED))), np.append(width, np.ones(len(UNUSED)))
    order = list(ORDER)
    return {
        "mean": (SIGNS * low[order]).tolist(),
        "std": np.maximum(width[order], LEAST_DEVIATION).tolist(),
        "distance": {"mean": 1.0},
    }


def _ranges(template: dict[str, np.ndarray], end: str) -> list[np.ndarray]:
    sizes = {"scale": 1, "t": 3, "pitch": 1, "yaw": 1, "roll": 1}
    return [_entry(template, f"{end}_{name}", size) for name, size in sizes.items()]


def _entry(template: dict[str, np.ndarray], name: str, size: int) -> np.ndarray:
    if name not in template:
        raise ValueError(f"{name} is missing")
    value = np.asarray(template[name], np.float64).reshape(-1)
    if value.size != size or not np.isfinite(value).all():
        raise ValueError(f"{name} is not {size} finite numbers")
    return value
