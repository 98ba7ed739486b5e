"""Small networks, and files of random weights for them, laid out as LivePortrait, JoyVASA and HuBERT publish theirs."""

import argparse
import pickle
from pathlib import Path, PosixPath

import numpy as np
import pytest

from vasa_jax.models import Models
from vasa_jax.open_weights.convert import SMALL
from vasa_jax.open_weights.files import layouts

SMALL_NETWORKS = {
    "face": {
        "kind": "liveportrait",
        "image_size": 64,
        "spare": 6,
        "appearance_extractor": {"widths": [4, 6, 8], "depth": 4, "channels": 6, "blocks": 1},
        "motion_extractor": {"depths": [1, 1, 1, 1], "widths": [4, 6, 8, 10]},
        "compressor": {"channels": 2},
        "warping": {"widths": [4, 6], "last_width": 4, "features": 8},
        "generator": {"width": 8, "blocks": 1, "ups": [6, 4], "hidden": 4},
    },
    "motion": {
        "kind": "joyvasa", "feature_size": 16, "layers": 1, "heads": 2, "feedforward": 16, "window": 10, "history": 2,
    },
    "speech": {
        "kind": "joyvasa", "feature_size": 16, "window": 10, "channels": [8] * 7, "width": 32, "layers": 1, "heads": 2,
        "feedforward": 16,
    },
}  # fmt: skip
PUBLISHED_NETWORKS = {
    "face": {"kind": "liveportrait", "image_size": 512, "spare": 6},
    "motion": {"kind": "joyvasa"},
    "speech": {"kind": "joyvasa"},
}


# Heads whose outputs are small in trained networks. As large as the others' they would put keypoints outside of the
# volume and pixels to the ends of their range, where float32's rounding is seen a hundredfold.
SMALL_OUTPUTS = {"fc_kp": 0.3, "fc_exp": 0.03, "fc_t": 0.1, "conv_img": 0.1}


def random_weights(layout, seed=0):
    """Arrays of a layout: maps that keep the size of what passes, norms near 1, spectral vectors of length 1."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in layout.items():
        noise = rng.standard_normal(shape, np.float32)
        if name.endswith("num_batches_tracked"):
            noise = np.zeros((), np.int64)
        elif name.endswith(("weight_u", "weight_v")):
            noise /= np.linalg.norm(noise)
        elif name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            noise = 1 + 0.1 * np.abs(noise)
        elif len(shape) > 1:
            noise /= np.float32(np.sqrt(np.prod(shape[1:])))
        else:
            noise = 0.1 * noise
        small = next((part for part in SMALL_OUTPUTS if part in name), None)
        weights[name] = noise * SMALL_OUTPUTS[small] if small else noise
    return weights


def hubert_layout(net):
    """Of HuBERT as Hugging Face has it."""
    layout, inputs = {}, 1
    for i, (width, taps) in enumerate(zip(net.channels, (10, 3, 3, 3, 3, 2, 2), strict=True)):
        layout[f"feature_extractor.conv_layers.{i}.conv.weight"] = (width, inputs, taps)
        inputs = width
    first = "feature_extractor.conv_layers.0.layer_norm"
    layout |= {f"{first}.weight": (net.channels[0],), f"{first}.bias": (net.channels[0],)}
    layout |= _pair("feature_projection.layer_norm", (inputs,)) | _pair(
        "feature_projection.projection", (net.width, inputs)
    )
    position = "encoder.pos_conv_embed.conv"
    layout |= {f"{position}.weight_g": (1, 1, 128), f"{position}.weight_v": (net.width, net.width // 16, 128)}
    layout |= {f"{position}.bias": (net.width,)} | _pair("encoder.layer_norm", (net.width,))
    for i in range(net.layers):
        layer = f"encoder.layers.{i}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            layout |= _pair(f"{layer}.attention.{part}", (net.width, net.width))
        layout |= _pair(f"{layer}.layer_norm", (net.width,)) | _pair(f"{layer}.final_layer_norm", (net.width,))
        layout |= _pair(f"{layer}.feed_forward.intermediate_dense", (net.feedforward, net.width))
        layout |= _pair(f"{layer}.feed_forward.output_dense", (net.width, net.feedforward))
    return layout | {"masked_spec_embed": (net.width,)}


def _pair(name, shape):
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def face_layouts(face):
    """By the stem of the file, names as published."""
    motion = layouts.motion_extractor(face.motion_extractor)
    appearance = face.appearance_extractor
    volume = (appearance.depth, appearance.channels)
    return {
        "appearance_feature_extractor": layouts.appearance_extractor(appearance),
        "motion_extractor": {f"detector.{name}": shape for name, shape in motion.items()},
        "warping_module": layouts.warping_module(face.warping, face.compressor, *volume),
        "spade_generator": layouts.generator(face.generator, face.warping.features),
    }


def publish(folder: Path, networks) -> dict[str, Path]:
    """Writes all files with PyTorch, as their authors did; gives the three folders by the converter's flags."""
    torch = pytest.importorskip("torch")
    models = Models.build(networks)

    def tensors(layout, seed):
        return {name: torch.from_numpy(np.asarray(x)) for name, x in random_weights(layout, seed).items()}

    base, small = folder / "liveportrait/base_models", folder / "liveportrait/retargeting_models"
    generator, template = folder / "JoyVASA/motion_generator", folder / "JoyVASA/motion_template"
    hubert = folder / "chinese-hubert-base"
    for place in (base, small, generator, template, hubert):
        place.mkdir(parents=True)
    for seed, (stem, layout) in enumerate(face_layouts(models.face).items()):
        torch.save(tensors(layout, seed), base / f"{stem}.pth")
    content = {}
    for name, widths, inputs, outputs in SMALL.values():
        found = tensors(layouts.mlp(inputs, widths, outputs), 10)
        content[name] = {f"module.{key}": 0.1 * value for key, value in found.items()}
    torch.save(content, small / "stitching_retargeting_module.pth")
    model = tensors(layouts.joyvasa(models.motion, models.speech.width), 20)
    arguments = argparse.Namespace(fps=25, out=PosixPath("experiments"))
    torch.save({"args": arguments, "model": model, "iter": 3}, generator / "motion_generator_hubert_chinese.pt")
    (template / "motion_template.pkl").write_bytes(pickle.dumps(motion_template()))
    torch.save(tensors(hubert_layout(models.speech), 30), hubert / "pytorch_model.bin")
    return {"liveportrait": folder / "liveportrait", "joyvasa": folder / "JoyVASA", "hubert": hubert}


def motion_template():
    """Statistics as JoyVASA keeps them; angles in degrees."""
    template = {"mean_exp": np.linspace(-0.01, 0.01, 63, dtype=np.float32), "std_exp": np.full(63, 0.01, np.float32)}
    ranges = {"scale": (1.2, 1.6), "t": ([-0.1, -0.05, 0.0], [0.1, 0.15, 0.0]), "pitch": (-20, 20), "yaw": (-30, 40)}
    for name, (low, high) in (ranges | {"roll": (-15, 15)}).items():
        template[f"min_{name}"], template[f"max_{name}"] = np.float32(low), np.float32(high)
    return template
