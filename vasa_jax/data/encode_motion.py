"""Encode clips for stage 2: every frame to its motion, every clip's audio to its features.

    python -m vasa_jax.data.encode_motion --face runs/face_tiny --speech runs/speech_tiny \\
        --clips data/heads --out data/motion_tiny

Writes the set of data.motion_set. A stopped run goes on where it was.
"""

import argparse
import json
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from tqdm import tqdm

from vasa_jax import room_weights
from vasa_jax.data import array_records, clips, motion_set
from vasa_jax.errors import UserError, leave_on_mistake
from vasa_jax.geometry import cell_centres
from vasa_jax.models import face_of, speech_of
from vasa_jax.pixels import from_uint8
from vasa_jax.sampling import sample_image
from vasa_jax.types import SAMPLES_PER_FRAME, Framing

BATCH = 32  # frames through the face encoders at once


def motion_encoder(model: Any, params: Any) -> Callable[[np.ndarray], np.ndarray]:
    """(T, H, H, 3) uint8 in the canonical framing -> (T, 7 + Z), BATCH frames at a time."""
    params = jax.tree.map(jnp.asarray, params)

    @jax.jit
    def some(params: Any, images: jax.Array) -> jax.Array:
        shown = reframed(from_uint8(images), model.framing, model.image_size)
        return model.apply({"params": params}, shown, method="motion").vector

    def encode(images: np.ndarray) -> np.ndarray:
        count = len(images)
        images = np.concatenate([images, np.repeat(images[-1:], -count % BATCH, 0)])
        parts = [some(params, images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        return np.concatenate(parts)[:count]

    return encode


def reframed(
    images: Float[Array, "batch side side 3"], framing: Framing, size: int
) -> Float[Array, "batch {size} {size} 3"]:
    """Frames in the canonical framing as a face model takes them; where its square is wider, their edges continue."""
    if framing == Framing() and images.shape[1] == size:
        return images
    x, y = np.meshgrid(cell_centres(size), -cell_centres(size))
    (right, down), _ = framing.of((0.0, 0.0), 2.0)
    points = np.stack([right + framing.side * x, framing.side * y - down], -1).astype(np.float32)
    return sample_image(images, jnp.broadcast_to(points, (images.shape[0], *points.shape)))


def speech_encoder(model: Any, params: Any, step: int = 50) -> Callable[[np.ndarray], np.ndarray]:
    """(640 T,) audio -> (T, F); silence rounds T up to a multiple of `step`, so that few programs are compiled."""
    params = jax.tree.map(jnp.asarray, params)
    some = jax.jit(lambda params, audio: model.apply({"params": params}, audio))

    def encode(audio: np.ndarray) -> np.ndarray:
        frames = len(audio) // SAMPLES_PER_FRAME
        audio = np.pad(audio, (0, -len(audio) % (step * SAMPLES_PER_FRAME)))
        return np.asarray(some(params, audio[None]))[0, :frames]

    return encode


class Encoder:
    """Encodes clips, each once: what is done lies in `folder`, for a stopped run to go on.

    Args:
      motion, speech: see motion_encoder, speech_encoder.
    """

    def __init__(self, folder: Path, motion: Callable, speech: Callable):
        self._folder, self._motion, self._speech = folder, motion, speech
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, record: Any) -> dict[str, np.ndarray]:
        """motion and audio_features of a clip's record."""
        file = self._folder / f"{clips.text(record['clip'])}.npz"
        if not file.exists():
            images = clips.decode_frames(record, range(len(record["pose"])))
            part = file.with_suffix(".part")
            with part.open("wb") as stream:
                np.savez(stream, motion=self._motion(images), audio_features=self._speech(record["audio"]))
            part.replace(file)
        with np.load(file) as found:
            return dict(found)


def records(source: Any, encode: Encoder) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, encoded record) of each talk clip."""
    for record in filter(clips.is_talk, source):
        yield clips.text(record["clip"]), motion_set.kept(record) | encode(record)


def encode_set(face_run: Path, speech_run: Path, source: Path, out: Path) -> None:
    """Encodes every split of the clips in `source` into `out`.

    Raises:
      UserError: a run without weights, no clips, or a finished set in `out`.
    """
    if (out / "features.json").exists():
        raise UserError(f"{out} holds a motion set already: remove it or name another folder")
    face_config, face = room_weights.load_room(face_run, "face")
    speech_config, speech = room_weights.load_room(speech_run, "speech")
    face_model, speech_model = face_of(face_config["model"]), speech_of(speech_config["model"])
    parts = out / f"encoded-{zlib.crc32(b''.join(x.tobytes() for x in jax.tree.leaves((face, speech)))):08x}"
    encode = Encoder(parts, motion_encoder(face_model, face), speech_encoder(speech_model, speech))
    splits = {name: clips.open_clips(source, name) for name in clips.SPLITS if clips.has_split(source, name)}
    for name, found in splits.items():
        for record in filter(clips.is_talk, tqdm(found, name, unit="clip")):
            encode(record)
    train = [record for _, record in records(splits.get("train", ()), encode)]
    if not train:
        raise UserError(f"no clip of kind 'talk' in the split 'train' of {source}")
    (out / motion_set.STATISTICS).write_text(json.dumps(motion_set.statistics(train), indent=1) + "\n")
    sizes = train[0]["motion"].shape[1], train[0]["audio_features"].shape[1]
    features = motion_set.motion_features(*sizes, "eye_openness" in train[0])
    array_records.write_set(out, "motion", features, {n: records(s, encode) for n, s in splits.items()})
    shutil.rmtree(parts)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m vasa_jax.data.encode_motion", description=__doc__.split("\n")[0])
    parser.add_argument("--face", type=Path, required=True, help="a face training (its --workdir), or released weights")
    parser.add_argument("--speech", type=Path, required=True, help="a speech training, or released weights")
    parser.add_argument("--clips", type=Path, required=True, help="clip set to encode")
    parser.add_argument("--out", type=Path, required=True, help="folder of the motion set to write")
    given = parser.parse_args(arguments)
    with leave_on_mistake("encode_motion"):
        encode_set(given.face, given.speech, given.clips, given.out)


if __name__ == "__main__":
    main()
