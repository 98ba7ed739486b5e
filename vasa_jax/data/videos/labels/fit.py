"""Measures what labels are read by, the canonical face and lips as heard, on clips with exact labels.

    python -m vasa_jax.data.videos.labels.fit --clips data/faces data/talks --landmarks ASSETS/mediapipe \\
        --out vasa_jax/pretrained/labels.safetensors

To be run again when another speech encoder ships. Training splits alone are read.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file
from tqdm import tqdm

from vasa_jax import pretrained
from vasa_jax.data import clips
from vasa_jax.data.encode_motion import speech_encoder
from vasa_jax.data.motion_set import readout
from vasa_jax.data.videos.labels import sync, tables
from vasa_jax.errors import UserError, leave_on_mistake
from vasa_jax.geometry import rotation_matrix
from vasa_jax.judges import LandmarkJudge, readings
from vasa_jax.models import speech_of
from vasa_jax.room_weights import load_room

PEOPLE = 160  # clips of as many people show the mean face
FRAMES = 8  # of each
ROUNDS = 300  # the depth of the whole face settles slowly


def mean_face(points: np.ndarray, pose: np.ndarray, people: np.ndarray) -> np.ndarray:
    """(36, 3) the shape S of  points = scale R S + translation + (0, 0, depth)  in least squares; depth, which the mesh
    leaves open, is each frame's own.

    Args:
      points: (N, 36, 3) in [-1, 1]. pose: (N, 7) exact. people: (N,) numbers; each counts once.
    """
    rotation = np.asarray(rotation_matrix(jnp.asarray(pose[:, :3], jnp.float32)), np.float64)
    scale, placed = pose[:, 6, None, None], points - pose[:, None, 3:6]
    depth = placed[:, :, 2].mean(1)
    for _ in range(ROUNDS):
        deep = placed - depth[:, None, None] * (0, 0, 1)
        frames = np.einsum("nji,npj->npi", rotation, deep) / scale
        shape = np.mean([frames[people == person].mean(0) for person in np.unique(people)], 0)
        drawn = scale * np.einsum("nij,pj->npi", rotation, shape)
        depth = (placed - drawn)[:, :, 2].mean(1)
    return shape


def look(folders: list[Path], judge: LandmarkJudge) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rigid points (n, 36, 3) and exact poses (n, 7) of some frames of one clip of each of PEOPLE people."""
    seen = set()
    for folder in folders:
        source = clips.open_clips(folder, "train")
        for index in tqdm(range(len(source)), folder.name, unit="clip"):
            record = source[index]
            identity = f"{folder} {clips.text(record['identity'])}"
            if identity in seen or len(seen) == PEOPLE:
                continue
            chosen = np.unique(np.linspace(0, len(record["pose"]) - 1, FRAMES).astype(int))
            points = judge.track(clips.decode_frames(record, chosen)).points[:, list(readings.RIGID_POINTS)]
            found = np.isfinite(points).all((1, 2))
            if found.any():
                seen.add(identity)
                yield points[found].astype(np.float64), record["pose"][chosen][found].astype(np.float64)


def lips_of_features(folders: list[Path]) -> tuple[dict[str, np.ndarray], str, float]:
    """The read-out of lips, the fingerprint of the ear, and the explained share of the lips' variance."""
    config, params = load_room(pretrained.path(), "speech")
    encode = speech_encoder(speech_of(config["model"]), params, sync.STRETCH)
    features, lips = [], []
    for folder in folders:
        source = clips.open_clips(folder, "train")
        for index in tqdm(range(len(source)), f"{folder.name}, heard", unit="clip"):
            record = source[index]
            if clips.is_talk(record):
                features.append(encode(record["audio"]))
                lips.append(record["lip_opening"])
    if not lips:
        raise UserError("no clip of kind 'talk' in the training splits of --clips")
    features, lips = np.concatenate(features), np.concatenate(lips)
    mean = features.mean(0)
    weights, bias, explained = readout(features - mean, lips)
    table = {"lips/mean": mean, "lips/weights": weights, "lips/bias": np.float32([bias])}
    return table, tables.fingerprint(params), explained


def fit(folders: list[Path], landmarks: Path, out: Path) -> float:
    """Writes the file of `data.videos.labels.tables`; gives the explained share of the lips' variance."""
    looked = list(look(folders, LandmarkJudge(landmarks)))
    people = np.repeat(np.arange(len(looked)), [len(points) for points, _ in looked])
    points, pose = (np.concatenate(parts) for parts in zip(*looked, strict=True))
    heard, ear, explained = lips_of_features(folders)
    arrays = {"canonical_face": mean_face(points, pose, people), **heard}
    part = out.with_name(out.name + ".part")
    save_file({name: np.ascontiguousarray(x, np.float32) for name, x in arrays.items()}, part, {"ear": ear})
    part.replace(out)
    return explained


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m vasa_jax.data.videos.labels.fit", description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=Path, nargs="+", required=True, help="clip sets with exact labels")
    parser.add_argument("--landmarks", type=Path, required=True, help="folder of MediaPipe's graphs")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    given = parser.parse_args(arguments)
    with leave_on_mistake("fit"):
        explained = fit(given.clips, given.landmarks, given.out)
        print(f"{given.out}: lips as heard explain {explained:.2f} of the lips' variance")


if __name__ == "__main__":
    main()
