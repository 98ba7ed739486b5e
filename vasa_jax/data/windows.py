"""Stretches of time from clips: speech with its phones, and motion with what it is conditioned on."""

import dataclasses

import numpy as np
import soxr

from vasa_jax.data import clips
from vasa_jax.data.pipeline import Batch, Record
from vasa_jax.speech import phone_targets
from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME

GAZE_CELL = np.deg2rad(5.0)  # side of a cell of the histogram of gaze


def speech_of(record: Record) -> Record:
    """What speech training needs of a clip: no frames, and the audio as float16, 11 bits in half the memory."""
    phones = record["phones"]
    return {
        "clip": record.get("clip", ""),
        "audio": record["audio"].astype(np.float16),
        "phones": [clips.text(label) for label in phones["label"]],
        "start": np.array(phones["start"], np.float32),
        "end": np.array(phones["end"], np.float32),
    }


@dataclasses.dataclass(frozen=True)
class SpeechWindows:
    """A stretch of a clip at a random speed (tape speed: pitch and phone times go along).

    Gives audio (640 frames,) in [-1, 1] and phones (frames, 2), indices into speech.PHONES; a clip that is
    too short lies at a random place in silence. Of a record with "taught" (T, F), features that another encoder
    hears in the clip, it gives taught (frames, F), and within (frames,) bool: whether the frame is of the clip.

    Attributes:
      frames: of the stretch, at 25 fps.
      speed: largest change, 0.1 for speeds of 0.9 to 1.1; 0 takes the middle of the clip as it is.
    """

    frames: int
    speed: float = 0.1

    def __call__(self, record: Record, generator: np.random.Generator) -> Batch:
        speed = 1 + self.speed * generator.uniform(-1, 1)
        heard = int(self.frames * SAMPLES_PER_FRAME * speed)
        audio = record["audio"].astype(np.float32)
        spare = len(audio) - heard
        start = int(generator.uniform(min(spare, 0), max(spare, 0))) if self.speed else spare // 2
        audio = padded(audio, start, heard)
        if self.speed:
            audio = soxr.resample(audio, SAMPLE_RATE * speed, SAMPLE_RATE)
        times = [((record[edge] - start / SAMPLE_RATE) / speed).tolist() for edge in ("start", "end")]
        batch = {
            "audio": padded(audio, 0, self.frames * SAMPLES_PER_FRAME),
            "phones": phone_targets(record["phones"], *times, self.frames),
        }
        if "taught" in record:
            middles = start / SAMPLES_PER_FRAME + (np.arange(self.frames) + 0.5) * speed
            batch["taught"], batch["within"] = frames_at(record["taught"], middles)
        return batch


def frames_at(features: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (T, F) at `times` (n,), where frame t lasts from t to t + 1: (n, F) float32 between the middles of
    frames, and whether each time lies within the clip."""
    last = len(features) - 1
    place = np.clip(times - 0.5, 0, last)
    before = np.floor(place).astype(int)
    share = (place - before).astype(np.float32)[:, None]
    found = features[before] * (1 - share) + features[np.minimum(before + 1, last)] * share
    return found, (times >= 0) & (times <= last + 1)


def motion_of(record: Record, mean: np.ndarray, std: np.ndarray) -> Record:
    """What motion training needs of an encoded clip (data.encode_motion), the motion standardised."""
    return {
        "clip": record.get("clip", ""),
        "motion": ((record["motion"] - mean) / std).astype(np.float32),
        "audio": record["audio_features"],
        "gaze": main_gaze(record["gaze"]),
        "distance": record["distance"].mean(keepdims=True),
        "emotion": record["emotion"],
        "lip_opening": record["lip_opening"],
    }


@dataclasses.dataclass(frozen=True)
class MotionWindows:
    """W frames of a clip with the K before them.

    Gives motion, audio, lip_opening for the window, previous_motion, previous_audio, has_previous (bool),
    length (int32, frames before the clip's end), gaze (2,), distance (1,), emotion (6,). The frames after a
    clip's end repeat the last one; they are to be given no weight, and their audio counts as absent.

    Attributes:
      window, history: W and K.
      first: share of windows that begin where the clip does, without previous frames, as the first one at
        inference.
    """

    window: int
    history: int
    first: float = 0.15

    def __call__(self, record: Record, generator: np.random.Generator) -> Batch:
        count = len(record["motion"])
        last = max(count - self.window, 0)
        start = 0
        if last >= self.history and generator.uniform() >= self.first:
            start = int(generator.integers(self.history, last + 1))
        before = np.arange(start - self.history, start).clip(0)
        during = np.arange(start, start + self.window).clip(0, count - 1)
        return {
            "motion": record["motion"][during],
            "audio": record["audio"][during],
            "lip_opening": record["lip_opening"][during],
            "previous_motion": record["motion"][before],
            "previous_audio": record["audio"][before],
            "has_previous": np.array(start > 0),
            "length": np.int32(min(self.window, count - start)),
            **{name: record[name] for name in ("gaze", "distance", "emotion")},
        }


def main_gaze(gaze: np.ndarray) -> np.ndarray:
    """Main gaze direction of a clip (VASA-1, section 3.2): mean of the frames in the fullest cell of a
    histogram.

    Args:
      gaze: (T, 2) yaw and pitch in radians; NaN in frames that lack it.

    Returns:
      (2,) float32; NaN where all frames lack it.
    """
    gaze = gaze[np.isfinite(gaze).all(1)]
    if not len(gaze):
        return np.full(2, np.nan, np.float32)
    cells = np.round(gaze / GAZE_CELL).astype(int)
    _, which, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    return gaze[which.reshape(-1) == counts.argmax()].mean(0).astype(np.float32)


def padded(audio: np.ndarray, start: int, count: int) -> np.ndarray:
    """`count` samples from `start` on, which may lie before the beginning; silence where there is no audio."""
    result = np.zeros(count, np.float32)
    low, high = max(start, 0), min(start + count, len(audio))
    if low < high:
        result[low - start : high - start] = audio[low:high]
    return result
