"""Names and shapes of every array in the published files, written from the sizes of the network that reads them.

Shapes are PyTorch's: kernels (out, in, ...), linear maps (out, in). What a network does not need (counters, tables that
are a formula) is OPTIONAL: other tools leave it out.
"""

import itertools
import re
from collections.abc import Iterator

from vasa_jax.open_weights.joyvasa.model import JoyMotion
from vasa_jax.open_weights.liveportrait.appearance import AppearanceExtractor
from vasa_jax.open_weights.liveportrait.generator import Generator
from vasa_jax.open_weights.liveportrait.reader import BINS, KEYPOINTS, MotionExtractor
from vasa_jax.open_weights.liveportrait.warp import Compressor, WarpingModule

Layout = dict[str, tuple[int, ...]]
OPTIONAL = re.compile(r".*\.num_batches_tracked$|denoising_net\.((TE|PE)\.pe|alignment_mask)$|diffusion_sched\.")
GENERATOR_FEATURES = 256
POSITIONS = 600  # in JoyVASA's table of frame positions
SCHEDULE = ("betas", "alphas", "alpha_bars", "sigmas_flex", "sigmas_inflex")


def appearance_extractor(net: AppearanceExtractor) -> Layout:
    """Of appearance_feature_extractor.pth."""
    first, *widths = net.widths
    layout = {**_conv("first.conv", 3, first, 3, 3), **_norm("first.norm", first)}
    before = first
    for i, width in enumerate(widths):
        layout |= _conv(f"down_blocks.{i}.conv", before, width, 3, 3) | _norm(f"down_blocks.{i}.norm", width)
        before = width
    layout |= _conv("second", before, net.depth * net.channels, 1, 1)
    for i in range(net.blocks):
        for k in (1, 2):
            name = f"resblocks_3d.3dr{i}"
            layout |= _norm(f"{name}.norm{k}", net.channels)
            layout |= _conv(f"{name}.conv{k}", net.channels, net.channels, 3, 3, 3)
    return layout


def motion_extractor(net: MotionExtractor) -> Layout:
    """Of motion_extractor.pth, without the prefix "detector."."""
    layout = _conv("downsample_layers.0.0", 3, net.widths[0], 4, 4) | _pair("downsample_layers.0.1", net.widths[0])
    for stage, (depth, width) in enumerate(zip(net.depths, net.widths, strict=True)):
        if stage:
            before = net.widths[stage - 1]
            layout |= _pair(f"downsample_layers.{stage}.0", before)
            layout |= _conv(f"downsample_layers.{stage}.1", before, width, 2, 2)
        for i in range(depth):
            name = f"stages.{stage}.{i}"
            layout |= _conv(f"{name}.dwconv", 1, width, 7, 7) | _pair(f"{name}.norm", width)
            layout |= _linear(f"{name}.pwconv1", width, 4 * width) | _linear(f"{name}.pwconv2", 4 * width, width)
            layout |= {f"{name}.grn.{part}": (1, 1, 1, 4 * width) for part in ("gamma", "beta")}
    layout |= _pair("norm", net.widths[-1])
    sizes = {"kp": 3 * KEYPOINTS, "exp": 3 * KEYPOINTS, "t": 3, "scale": 1, "pitch": BINS, "yaw": BINS, "roll": BINS}
    for head, size in sizes.items():
        layout |= _linear(f"fc_{head}", net.widths[-1], size)
    return layout


def warping_module(net: WarpingModule, compressor: Compressor, depth: int, channels: int) -> Layout:
    """Of warping_module.pth, for volumes of that depth and as many channels."""
    candidates = KEYPOINTS + 1
    inputs = candidates * (compressor.channels + 1)
    dense, hourglass = "dense_motion_network", "dense_motion_network.hourglass"
    layout, before = {}, inputs
    for i, width in enumerate(net.widths):
        name = f"{hourglass}.encoder.down_blocks.{i}"
        layout |= _conv(f"{name}.conv", before, width, 3, 3, 3) | _norm(f"{name}.norm", width)
        before = width
    for i, width in enumerate((*net.widths[-2::-1], net.last_width)):
        name = f"{hourglass}.decoder.up_blocks.{i}"
        layout |= _conv(f"{name}.conv", before, width, 3, 3, 3) | _norm(f"{name}.norm", width)
        before = 2 * width
    last = net.last_width + inputs
    layout |= _conv(f"{hourglass}.decoder.conv", last, last, 3, 3, 3) | _norm(f"{hourglass}.decoder.norm", last)
    layout |= _conv(f"{dense}.mask", last, candidates, 7, 7, 7)
    layout |= _conv(f"{dense}.compress", channels, compressor.channels, 1, 1, 1)
    layout |= _norm(f"{dense}.norm", compressor.channels)
    layout |= _conv(f"{dense}.occlusion", last * depth, 1, 7, 7)
    layout |= _conv("third.conv", channels * depth, net.features, 3, 3) | _norm("third.norm", net.features)
    return layout | _conv("fourth", net.features, net.features, 1, 1)


def generator(net: Generator, features: int = GENERATOR_FEATURES) -> Layout:
    """Of spade_generator.pth, for that many channels of features."""
    layout = _conv("fc", features, net.width, 3, 3)
    widths = [(f"G_middle_{i}", net.width, net.width) for i in range(net.blocks)]
    widths += [(f"up_{i}", (net.width, *net.ups)[i], width) for i, width in enumerate(net.ups)]
    for name, before, width in widths:
        middle = min(before, width)
        layout |= _spectral(f"{name}.conv_0", before, middle, 3) | _spectral(f"{name}.conv_1", middle, width, 3)
        norms = {"norm_0": before, "norm_1": middle}
        if before != width:
            layout |= _spectral(f"{name}.conv_s", before, width, 1, bias=False)
            norms["norm_s"] = before
        for norm, channels in norms.items():
            layout |= _conv(f"{name}.{norm}.mlp_shared.0", features, net.hidden, 3, 3)
            for part in ("gamma", "beta"):
                layout |= _conv(f"{name}.{norm}.mlp_{part}", net.hidden, channels, 3, 3)
    return layout | _conv("conv_img.0", net.ups[-1], 12, 3, 3)


def mlp(inputs: int, widths: tuple[int, ...], outputs: int) -> Layout:
    """Of one network of stitching_retargeting_module.pth, without its prefixes."""
    sizes = (inputs, *widths, outputs)
    layers = [_linear(f"mlp.{2 * i}", before, after) for i, (before, after) in enumerate(itertools.pairwise(sizes))]
    return {name: shape for layer in layers for name, shape in layer.items()}


def joyvasa(net: JoyMotion, speech_width: int = 768) -> Layout:
    """Of JoyVASA's .pt, without its speech network."""
    width, motion = net.feature_size, net.motion_size
    frames = net.history + net.window
    name = "denoising_net"
    layout = {f"{name}.alignment_mask": (frames, frames)}
    layout |= {f"{name}.TE.pe": (1, net.steps + 1, width), f"{name}.PE.pe": (1, POSITIONS, width)}
    layout |= _linear(f"{name}.diff_step_map.0", width, width) | _linear(f"{name}.diff_step_map.2", width, width)
    layout |= _linear(f"{name}.feature_proj", motion, width)
    for i in range(net.layers):
        layer = f"{name}.transformer.layers.{i}"
        for part in ("self_attn", "multihead_attn"):
            layout |= {
                f"{layer}.{part}.in_proj_weight": (3 * width, width),
                f"{layer}.{part}.in_proj_bias": (3 * width,),
            }
            layout |= _linear(f"{layer}.{part}.out_proj", width, width)
        layout |= _linear(f"{layer}.linear1", width, net.feedforward) | _linear(
            f"{layer}.linear2", net.feedforward, width
        )
        for k in (1, 2, 3):
            layout |= _pair(f"{layer}.norm{k}", width)
    layout |= _linear(f"{name}.motion_dec.0", width, width // 2) | _linear(f"{name}.motion_dec.2", width // 2, motion)
    layout |= _linear("audio_feature_map", speech_width, width)
    layout |= {"start_audio_feat": (1, net.history, width), "start_motion_feat": (1, net.history, motion)}
    schedule = {f"diffusion_sched.{part}": (net.steps + 1,) for part in SCHEDULE}
    return layout | {"null_audio_feat": (1, 1, width)} | schedule


def mismatches(found: Layout, expected: Layout) -> Iterator[str]:
    """What is wrong with a file, one phrase each, in the order of the names; nothing where all is as expected."""
    for name in sorted(found.keys() | expected.keys()):
        if name not in expected:
            if not OPTIONAL.match(name):
                yield f"{name} does not belong to it"
        elif name not in found:
            if not OPTIONAL.match(name):
                yield f"{name} is missing"
        elif found[name] != expected[name]:
            yield f"{name} has the shape {found[name]}, not {expected[name]}"


def _conv(name: str, inputs: int, outputs: int, *kernel: int) -> Layout:
    return {f"{name}.weight": (outputs, inputs, *kernel), f"{name}.bias": (outputs,)}


def _linear(name: str, inputs: int, outputs: int) -> Layout:
    return _conv(name, inputs, outputs)


def _pair(name: str, size: int) -> Layout:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _norm(name: str, size: int) -> Layout:
    """A batch norm."""
    running = {f"{name}.running_{part}": (size,) for part in ("mean", "var")}
    return _pair(name, size) | running | {f"{name}.num_batches_tracked": ()}


def _spectral(name: str, inputs: int, outputs: int, size: int, bias: bool = True) -> Layout:
    """A spectrally normalised convolution."""
    layout = {f"{name}.weight_orig": (outputs, inputs, size, size), f"{name}.weight_u": (outputs,)}
    layout[f"{name}.weight_v"] = (inputs * size * size,)
    return layout | ({f"{name}.bias": (outputs,)} if bias else {})
