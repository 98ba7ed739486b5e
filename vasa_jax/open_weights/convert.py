"""From the files that LivePortrait, JoyVASA and HuBERT publish to one released checkpoint of ours.

    python -m vasa_jax.open_weights.convert --liveportrait DIR --joyvasa DIR --hubert DIR --out DIR

Every name and shape is checked, nothing in the files is run, norms are folded, and --out is written at the end or not
at all. docs/open_weights.md tells what to fetch.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax import checkpoint
from vasa_jax.errors import UserError, leave_on_mistake
from vasa_jax.open_weights.files import joyvasa, layouts, liveportrait, sources
from vasa_jax.open_weights.files.array_pickle import read_arrays
from vasa_jax.open_weights.files.arrays import Params, linear
from vasa_jax.open_weights.files.hubert import speech_network
from vasa_jax.open_weights.joyvasa import JoyMotion, build_joy_motion, build_joy_speech
from vasa_jax.open_weights.liveportrait import LivePortrait, build_liveportrait
from vasa_jax.open_weights.liveportrait.reader import KEYPOINTS
from vasa_jax.open_weights.liveportrait.stitching import EYES, LIPS, STITCHING

NAME = "liveportrait-joyvasa"
FACE = {"kind": "liveportrait", "image_size": 512, "spare": len(joyvasa.UNUSED)}
MOTION = {"kind": "joyvasa"}
SPEECH = {"kind": "joyvasa"}
POINTS = 3 * KEYPOINTS
# The networks of LivePortrait's small file: its name there, hidden widths, inputs and outputs.
SMALL = {
    "stitching": ("retarget_shoulder", STITCHING, 2 * POINTS, POINTS + 2),
    "lip_retargeting": ("retarget_mouth", LIPS, POINTS + 2, POINTS),
    "eye_retargeting": ("retarget_eye", EYES, POINTS + 3, POINTS),
}


def convert(
    liveportrait_folder: Path,
    joyvasa_folder: Path,
    hubert_folder: Path | None,
    out: Path,
    dtype: str = "float16",
    networks: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Writes weights.safetensors and config.json into `out`.

    Args:
      hubert_folder: may be None where JoyVASA's file holds its speech network.
      dtype: of the stored weights, float16 or float32.
      networks: sections "face", "motion", "speech" of the config; the published sizes if None.

    Raises:
      UserError: a file is missing, partial, another one, or hostile; the message names what is missing and its origin.
    """
    networks = {"face": FACE, "motion": MOTION, "speech": SPEECH} if networks is None else networks
    face, motion, speech = (_without_kind(networks[room]) for room in ("face", "motion", "speech"))
    generator, heard, statistics = _read_joyvasa(
        build_joy_motion(motion), build_joy_speech(speech), joyvasa_folder, hubert_folder
    )
    params = {"face": _read_face(build_liveportrait(face), liveportrait_folder), "motion": generator, "speech": heard}
    config = {"format": checkpoint.FORMAT, "name": NAME, **networks, "statistics": statistics}
    checkpoint.save(out, checkpoint.Checkpoint(config, params), np.dtype(dtype))


def _read_face(face: LivePortrait, folder: Path) -> Params:
    """Parameters of LivePortrait's five networks and the two retargetings."""
    appearance = face.appearance_extractor
    depth, features = appearance.depth, face.warping.features
    weights = sources.read(sources.APPEARANCE, folder)
    sources.check(sources.APPEARANCE, folder, weights, layouts.appearance_extractor(appearance))
    params = {"appearance_extractor": liveportrait.appearance_extractor(appearance, weights)}
    weights = sources.read(sources.MOTION, folder, sources.without("detector."))
    sources.check(sources.MOTION, folder, weights, layouts.motion_extractor(face.motion_extractor))
    params["motion_extractor"] = liveportrait.motion_extractor(face.motion_extractor, weights)
    weights = sources.read(sources.WARPING, folder)
    layout = layouts.warping_module(face.warping, face.compressor, depth, appearance.channels)
    sources.check(sources.WARPING, folder, weights, layout)
    params["warping"] = liveportrait.warping_module(face.warping, depth, weights)
    params["compressor"] = liveportrait.compressor(weights)
    weights = sources.read(sources.GENERATOR, folder)
    sources.check(sources.GENERATOR, folder, weights, layouts.generator(face.generator, features))
    params["generator"] = liveportrait.generator(face.generator, weights)
    return params | _read_small(folder)


def _read_small(folder: Path) -> Params:
    weights = sources.read(sources.RETARGETING, folder, sources.retargeting_name)
    layout = {}
    for theirs, widths, inputs, outputs in SMALL.values():
        layout |= {f"{theirs}.{name}": shape for name, shape in layouts.mlp(inputs, widths, outputs).items()}
    sources.check(sources.RETARGETING, folder, weights, layout)
    params = {}
    for ours, (theirs, widths, _, _) in SMALL.items():
        params[ours] = liveportrait.mlp(len(widths) + 1, _below(weights, f"{theirs}."))
    return params


def _read_joyvasa(
    motion: JoyMotion, speech: Any, folder: Path, hubert_folder: Path | None
) -> tuple[Params, Params, dict[str, Any]]:
    """Parameters of the generator and of what it hears, and the statistics of its motion."""
    weights = sources.read(sources.JOY_GENERATOR, folder, sources.without("model."))
    inside = _below(weights, "audio_encoder.")
    weights = {name: x for name, x in weights.items() if not name.startswith("audio_encoder.")}
    sources.check(sources.JOY_GENERATOR, folder, weights, layouts.joyvasa(motion, speech.width))
    generator = joyvasa.in_our_order(joyvasa.generator(motion, weights))
    path = sources.TEMPLATE.find(folder)
    try:
        statistics = joyvasa.statistics(read_arrays(path, sources.TEMPLATE.told))
    except ValueError as error:
        raise UserError(f"{path} is another file: {error}; expected {sources.TEMPLATE.told}") from None
    network = speech_network(speech, inside, hubert_folder, sources.JOY_GENERATOR.find(folder))
    return generator, network | {"feature_map": linear(weights, "audio_feature_map")}, statistics


def _below(weights: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): x for name, x in weights.items() if name.startswith(prefix)}


def _without_kind(section: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name != "kind"}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m vasa_jax.open_weights.convert", description=__doc__.split("\n")[0])
    parser.add_argument("--liveportrait", type=Path, required=True, help="folder of LivePortrait's five files")
    parser.add_argument("--joyvasa", type=Path, required=True, help="folder of JoyVASA's generator and motion template")
    parser.add_argument("--hubert", type=Path, help="folder of chinese-hubert-base, unless JoyVASA's file holds it")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float16", help="of the stored weights")
    given = parser.parse_args(arguments)
    with leave_on_mistake("convert"):
        convert(given.liveportrait, given.joyvasa, given.hubert, given.out, given.dtype)


if __name__ == "__main__":
    main()
