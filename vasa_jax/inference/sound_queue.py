"""Sound that was fed to a stream and is not shown yet: any rate and any size in, frames of 640 samples out."""

import math

import numpy as np
from jaxtyping import Float32

from vasa_jax.errors import UserError
from vasa_jax.inference.speech_file import NOT_NUMBERS, as_float, check_rate
from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME


class StreamFull(UserError):
    """More sound was fed than a stream keeps: its frames are not taken as fast."""


class SoundQueue:
    """Mono sound at 16 kHz, at most `most` seconds of it.

    Attributes:
      added: samples at 16 kHz that ever came in.
    """

    def __init__(self, most: float | int):
        self._most = most
        self._rate: int | None = None
        self._resampler = None
        self._kept = np.zeros(0, np.float32)
        self.added = 0

    @property
    def seconds(self) -> float:
        """Of sound that is kept."""
        return len(self._kept) / SAMPLE_RATE

    def add(self, samples: np.ndarray, rate: int) -> None:
        """Put (n,) or (n, channels) samples of any number type at the end; n may be 0.

        Raises:
          UserError: no audio, NaN or infinity, a rate outside 8 to 192 kHz or other than before.
          StreamFull: it is too much.
        """
        self._check_rate(rate)
        mono = as_mono(samples)
        self._check_room(len(mono) / rate)
        self._put(self._resampled(mono))

    def rest(self, seconds: float | int) -> None:
        """Put silence at the end.

        Raises:
          UserError: a negative or infinite time.
          StreamFull: it is too much.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise UserError(f"a rest lasts some seconds, not {seconds:g}")
        self._check_room(seconds)
        self._put(self._resampled(np.zeros(round(seconds * (self._rate or SAMPLE_RATE)), np.float32)))

    def end(self) -> None:
        """Let out what the resampler holds back, and fill up the last frame with silence."""
        if self._resampler is not None:
            self._put(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        self._put(np.zeros(-self.added % SAMPLES_PER_FRAME, np.float32))

    def pad(self, frames: int) -> None:
        """Put frames of silence at the end, however much is kept."""
        self._put(np.zeros(frames * SAMPLES_PER_FRAME, np.float32))

    def clear(self) -> None:
        """Drop what is kept; what had begun a frame becomes silence, since frames keep their places."""
        dropped = len(self._kept) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
        self._kept = np.zeros_like(self._kept[dropped:])
        self.added -= dropped

    def take(self, frames: int) -> Float32[np.ndarray, " samples"] | None:
        """The next `frames` frames of sound, None where there are not so many yet."""
        count = frames * SAMPLES_PER_FRAME
        if len(self._kept) < count:
            return None
        taken, self._kept = self._kept[:count], self._kept[count:]
        return taken

    def _put(self, samples: np.ndarray) -> None:
        self._kept = np.concatenate([self._kept, samples])
        self.added += len(samples)

    def _check_rate(self, rate: int) -> None:
        check_rate(rate)
        if self._rate not in (None, rate):
            raise UserError(f"the stream began with audio of {self._rate} Hz: feed it that, not {rate} Hz")
        if self._rate is None and rate != SAMPLE_RATE:
            import soxr

            self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        self._rate = rate

    def _check_room(self, seconds: float | int) -> None:
        if self.seconds + seconds > self._most:
            waiting = f"{self.seconds + seconds:.1f} s of audio would wait to be shown"
            raise StreamFull(f"{waiting}, the stream keeps {self._most:g} s: take its frames first")

    def _resampled(self, mono: np.ndarray) -> np.ndarray:
        return mono if self._resampler is None else self._resampler.resample_chunk(mono)


def as_mono(samples: np.ndarray) -> Float32[np.ndarray, " samples"]:
    """Samples (n,) or (n, channels) of any number type as float32 (n,) in [-1, 1].

    Raises:
      UserError: no audio, NaN or infinity.
    """
    samples = as_float(np.asarray(samples))
    if not np.isfinite(samples).all():
        raise UserError(NOT_NUMBERS)
    mono = samples if samples.ndim == 1 else samples.mean(1)
    return np.clip(mono, -1, 1).astype(np.float32)
