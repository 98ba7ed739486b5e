"""The record of a clip from a video: that of data.clips, and what only videos have."""

from typing import Any

import numpy as np

from vasa_jax import types
from vasa_jax.data import clips

TEXTS = ("video", "source", "licence", "consent", "language")
ABSENT = np.nan


def video_features(size: int, foreground: bool = False):
    """The TFDS features of a clip: those of clips.clip_features, and

    video: path below the folder it was found in. start: seconds from its first frame. square: (3,) centre x, y and side
      of what was cut out, in its pixels.
    source, licence, consent, language: of the manifest; "" without one.
    box: (T, 4) left, bottom, right, top of the face, x right and y up in [-1, 1]. eye_openness: (T,), see
      labels.eye_openness. speech: (T,) whether somebody speaks. sharpness, brightness: of the clip, see labels.
    audio_offset: frames by which the sound is late. audio_offset_confidence: see labels.SyncReader.
    sources: which labels are known, and what each was read by.
    foreground: T JPEG images (size, size, 1) of the person's mask, 255 for certain; a set without a segmenter has no
      such field.

    A label that could not be had is ABSENT, a NaN in each of its numbers, and not among `sources`; a single frame can
    lack one too. Phones and text that are not known are empty.
    """
    import tensorflow_datasets as tfds

    def per_frame(*shape, dtype=np.float32):
        return tfds.features.Tensor(shape=(None, *shape), dtype=dtype)

    mask = tfds.features.Image(shape=(size, size, 1), encoding_format="jpeg")
    return tfds.features.FeaturesDict(
        {
            **clips.clip_features(size),
            **{name: tfds.features.Text() for name in TEXTS},
            **({"foreground": tfds.features.Sequence(mask)} if foreground else {}),
            "start": np.float32,
            "square": tfds.features.Tensor(shape=(3,), dtype=np.float32),
            "box": per_frame(4),
            "eye_openness": per_frame(),
            "speech": per_frame(dtype=np.bool_),
            "sharpness": np.float32,
            "brightness": np.float32,
            "audio_offset": np.float32,
            "audio_offset_confidence": np.float32,
            "sources": {
                "label": tfds.features.Sequence(tfds.features.Text()),
                "source": tfds.features.Sequence(tfds.features.Text()),
            },
        }
    )


def blank(frames: int) -> dict[str, Any]:
    """The labels of a clip of which nothing is known but its length."""
    return {
        "expression": np.full((frames, clips.EXPRESSION_SIZE), ABSENT, np.float32),
        "emotion": np.full(len(types.EMOTIONS), ABSENT, np.float32),
        "gaze": np.full((frames, 2), ABSENT, np.float32),
        "phones": {"label": [], "start": [], "end": []},
        "text": "",
        **dict.fromkeys(TEXTS, ""),
    }


def box_of(points: np.ndarray) -> np.ndarray:
    """(T, 4) left, bottom, right, top of landmarks (T, N, 2 or 3)."""
    flat = points[..., :2]
    return np.concatenate([flat.min(1), flat.max(1)], 1).astype(np.float32)
