"""What a clip is: the record that every builder writes and every training, evaluation and label tool reads.

One clip is one person in front of one camera: T frames at 25 fps, exactly 640 T audio samples at 16 kHz, and
labels per frame. Frames stay encoded (JPEG) until one is asked for, so that a step decodes the few frames it
uses and no more.
"""

import io
import pathlib
from collections.abc import Iterable
from typing import SupportsIndex

import numpy as np
from PIL import Image

from vasa_jax import errors, types

EXPRESSION_SIZE = 57
EYE_BLINK = slice(14, 16)  # eyeBlink_L and eyeBlink_R in the order of ICT-FaceKit
LANDMARKS = 68
KINDS = ("talk", "range")
PICTURES = ("frames", "foreground")  # fields that stay encoded
SPLITS = ("train", "validation", "test")


def clip_features(size: int):
    """The TFDS features of a clip of `size` x `size` pixels.

    clip, identity, speaker (the voice), text: names. kind: "talk" (speech) or "range" (wide poses and
      expressions in silence, frame 0 neutral and frontal).
    frames: T JPEG images (size, size, 3), RGB. audio: (640 T,) float32 in [-1, 1].
    pose: (T, 7) yaw, pitch, roll in radians, translation x, y, z, scale; see types.HeadPose.
    gaze: (T, 2) yaw, pitch in radians in the camera's frame. distance: (T,), 1 at the reference.
    expression: (T, 57) coefficients in the ICT-FaceKit order. emotion: (6,) strengths in the order of
      types.EMOTIONS.
    landmarks: (T, 68, 2) iBUG order, x right and y up in [-1, 1].
    lip_opening: (T,) inner-lip gap over inter-ocular distance in 3D, so free of pose.
    phones: label (ARPAbet, upper case, no stress; SIL), start and end in seconds.

    A label that could not be had is NaN in each of its numbers, in all frames or in some; never zero. Phones that are
    not known are empty, for a clip that is heard has one at least, SIL.
    """
    import tensorflow_datasets as tfds

    def per_frame(*shape):
        return tfds.features.Tensor(shape=(None, *shape), dtype=np.float32)

    image = tfds.features.Image(shape=(size, size, 3), encoding_format="jpeg")
    return tfds.features.FeaturesDict(
        {
            "clip": tfds.features.Text(),
            "identity": tfds.features.Text(),
            "speaker": tfds.features.Text(),
            "kind": tfds.features.Text(),
            "text": tfds.features.Text(),
            "frames": tfds.features.Sequence(image),
            "audio": per_frame(),
            "pose": per_frame(types.POSE_SIZE),
            "gaze": per_frame(2),
            "expression": per_frame(EXPRESSION_SIZE),
            "landmarks": per_frame(LANDMARKS, 2),
            "distance": per_frame(),
            "lip_opening": per_frame(),
            "emotion": tfds.features.Tensor(shape=(len(types.EMOTIONS),), dtype=np.float32),
            "phones": {
                "label": tfds.features.Sequence(tfds.features.Text()),
                "start": tfds.features.Sequence(np.float32),
                "end": tfds.features.Sequence(np.float32),
            },
        }
    )


def open_clips(folder: str | pathlib.Path, split: str):
    """A random-access source of clip records; `len(source)`, `source[i]`, frames left encoded.

    Raises:
      UserError: the folder holds no clip set, or no such split.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder_from_directory(find_set(folder))
    except Exception as error:  # TFDS raises several kinds for a folder that is no data set
        raise errors.UserError(
            f"no clip set in {folder}: make one with `python -m vasa_jax.data.synthetic --out {folder}`"
        ) from error
    if split not in builder.info.splits:
        raise errors.UserError(f"the clip set in {folder} has no split {split!r}: it has {sorted(builder.info.splits)}")
    decoders = {name: KeepEncoded() for name in PICTURES if name in builder.info.features}
    return builder.as_data_source(split=split, decoders=decoders or None)


def has_split(folder: str | pathlib.Path, split: str) -> bool:
    """Whether the clip set in `folder` has such a split; True where there is no set, for `open_clips` to say so."""
    import tensorflow_datasets as tfds

    found = find_set(folder)
    return not (found / "features.json").exists() or split in tfds.builder_from_directory(found).info.splits


def find_set(folder: str | pathlib.Path) -> pathlib.Path:
    """The folder that holds the TFDS files: `folder` itself, or the one set in it (`folder/name/version`)."""
    folder = pathlib.Path(folder)
    found = (
        [folder] if (folder / "features.json").exists() else sorted(p.parent for p in folder.glob("*/*/features.json"))
    )
    if len(found) > 1:
        raise errors.UserError(f"several clip sets in {folder}: name one of {', '.join(map(str, found))}")
    return found[0] if found else folder


class KeepEncoded:
    """A TFDS decoder that leaves a sequence of images as bytes; its own SkipDecoding cannot without TensorFlow."""

    def setup(self, *, feature) -> None:
        """Nothing of the feature is needed."""

    def decode_batch_example_np(self, encoded):
        return encoded


def decode_frames(record, indices: Iterable[SupportsIndex], size: int | None = None) -> np.ndarray:
    """The frames of a record at `indices`: (n, S, S, 3) uint8 RGB, brought to `size` if one is given."""
    return np.stack([decode_image(record["frames"][i], size) for i in indices])


def decode_masks(record, indices: Iterable[SupportsIndex], size: int | None = None) -> np.ndarray:
    """The masks of a record at `indices`, in [0, 1]: (n, S, S, 1) float32, brought to `size` if one is given."""
    masks = [Image.open(io.BytesIO(record["foreground"][i])) for i in indices]
    masks = [mask.resize((size, size), Image.Resampling.BOX) if size and mask.width != size else mask for mask in masks]
    return np.stack([np.asarray(mask.convert("L"), np.float32)[..., None] / 255 for mask in masks])


def decode_image(encoded: bytes, size: int | None = None) -> np.ndarray:
    """One encoded image as (H, W, 3) uint8 RGB, or as (size, size, 3)."""
    image = Image.open(io.BytesIO(encoded))
    if size and image.size != (size, size):
        image.draft("RGB", (size, size))  # a JPEG can be decoded at a half or a quarter right away
        image = image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image.convert("RGB"))


def is_talk(record) -> bool:
    """Whether somebody speaks in the clip of a record."""
    return text(record["kind"]) == "talk"


def text(value) -> str:
    """A Text feature as str: TFDS gives bytes or str."""
    return value.decode() if isinstance(value, bytes) else str(value)
