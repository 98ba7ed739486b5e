"""Parameters of LivePortrait's networks from the arrays of its published files."""

import numpy as np

from vasa_jax.open_weights.files import arrays
from vasa_jax.open_weights.files.arrays import Params, Weights
from vasa_jax.open_weights.liveportrait.appearance import AppearanceExtractor
from vasa_jax.open_weights.liveportrait.generator import Generator
from vasa_jax.open_weights.liveportrait.reader import MotionExtractor
from vasa_jax.open_weights.liveportrait.warp import WarpingModule

HEADS = ("kp", "exp", "t", "scale", "pitch", "yaw", "roll")  # in the order of `reader.HEADS`
SUBPIXELS = 4


def appearance_extractor(net: AppearanceExtractor, weights: Weights) -> Params:
    """F."""
    params = {"stem": arrays.conv(weights, "first.conv", "first.norm")}
    for i in range(len(net.widths) - 1):
        params[f"down_{i}"] = arrays.conv(weights, f"down_blocks.{i}.conv", f"down_blocks.{i}.norm")
    params["lift"] = arrays.outputs_regrouped(arrays.conv(weights, "second"), net.depth)
    for i in range(net.blocks):
        name = f"resblocks_3d.3dr{i}"
        scale, offset = arrays.batch_norm(weights, f"{name}.norm1")
        params[f"block_{i}"] = {
            "norm": {"scale": scale, "offset": offset},
            "first": arrays.conv(weights, f"{name}.conv1", f"{name}.norm2"),
            "second": arrays.conv(weights, f"{name}.conv2"),
        }
    return params


def motion_extractor(net: MotionExtractor, weights: Weights) -> Params:
    """M."""
    params = {
        "stem": arrays.conv(weights, "downsample_layers.0.0"),
        "stem_norm": arrays.layer_norm(weights, "downsample_layers.0.1"),
        "last_norm": arrays.layer_norm(weights, "norm"),
    }
    for stage, depth in enumerate(net.depths):
        if stage:
            params[f"shrink_norm_{stage}"] = arrays.layer_norm(weights, f"downsample_layers.{stage}.0")
            params[f"shrink_{stage}"] = arrays.conv(weights, f"downsample_layers.{stage}.1")
        for i in range(depth):
            params[f"stage_{stage}_{i}"] = _convnext_block(weights, f"stages.{stage}.{i}")
    heads = [arrays.linear(weights, f"fc_{head}") for head in HEADS]
    params["heads"] = {part: np.concatenate([head[part] for head in heads], -1) for part in ("kernel", "bias")}
    return params


def _convnext_block(weights: Weights, name: str) -> Params:
    return {
        "depthwise": arrays.conv(weights, f"{name}.dwconv"),
        "norm": arrays.layer_norm(weights, f"{name}.norm"),
        "widen": arrays.linear(weights, f"{name}.pwconv1"),
        "response": {
            "scale": weights[f"{name}.grn.gamma"].reshape(-1),
            "offset": weights[f"{name}.grn.beta"].reshape(-1),
        },
        "narrow": arrays.linear(weights, f"{name}.pwconv2"),
    }


def compressor(weights: Weights) -> Params:
    """The part of W that a portrait needs once."""
    return {"conv": arrays.conv(weights, "dense_motion_network.compress", "dense_motion_network.norm")}


def warping_module(net: WarpingModule, depth: int, weights: Weights) -> Params:
    """W, for volumes of that depth."""
    dense, hourglass = "dense_motion_network", "dense_motion_network.hourglass"
    last = f"{hourglass}.decoder"
    params = {"last": arrays.conv(weights, f"{last}.conv", f"{last}.norm")}
    for i in range(len(net.widths)):
        down, up = f"{hourglass}.encoder.down_blocks.{i}", f"{last}.up_blocks.{i}"
        params[f"down_{i}"] = arrays.conv(weights, f"{down}.conv", f"{down}.norm")
        params[f"up_{i}"] = arrays.conv(weights, f"{up}.conv", f"{up}.norm")
    return {
        "hourglass": params,
        "mask": arrays.conv(weights, f"{dense}.mask"),
        "occlusion": arrays.inputs_regrouped(arrays.conv(weights, f"{dense}.occlusion"), depth),
        "project": arrays.inputs_regrouped(arrays.conv(weights, "third.conv", "third.norm"), depth),
        "mix": arrays.conv(weights, "fourth"),
    }


def generator(net: Generator, weights: Weights) -> Params:
    """G."""
    params = {
        "stem": arrays.conv(weights, "fc"),
        "last": arrays.outputs_regrouped(arrays.conv(weights, "conv_img.0"), SUBPIXELS),
    }
    for i in range(net.blocks):
        params[f"block_{i}"] = _spade_block(weights, f"G_middle_{i}")
    for i in range(len(net.ups)):
        params[f"up_{i}"] = _spade_block(weights, f"up_{i}")
    return params


def _spade_block(weights: Weights, name: str) -> Params:
    params = {f"conv_{i}": arrays.spectral_conv(weights, f"{name}.conv_{i}") for i in (0, 1)}
    norms = {"modulation_0": "norm_0", "modulation_1": "norm_1"}
    if f"{name}.conv_s.weight_orig" in weights:
        params["skip"] = {"kernel": arrays.spectral_conv(weights, f"{name}.conv_s")["kernel"][0, 0]}
        norms["modulation_skip"] = "norm_s"
    for ours, theirs in norms.items():
        both = [arrays.conv(weights, f"{name}.{theirs}.mlp_{part}") for part in ("gamma", "beta")]
        params[ours] = {
            "shared": arrays.conv(weights, f"{name}.{theirs}.mlp_shared.0"),
            "gamma_and_beta": {part: np.concatenate([one[part] for one in both], -1) for part in ("kernel", "bias")},
        }
    return params


def mlp(layers: int, weights: Weights) -> Params:
    """Stitching or a retargeting, of so many layers."""
    names = [f"layer_{i}" for i in range(layers - 1)] + ["last"]
    return {"mlp": {name: arrays.linear(weights, f"mlp.{2 * i}") for i, name in enumerate(names)}}
