"""Speech in: any sound file becomes float32 samples, and 16 kHz mono for the networks.

libsndfile reads most formats exactly; what it does not know goes to FFmpeg. The samples are kept at their own
rate for the video's sound track, and resampled beside it for the speech encoder.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from vasa_jax.errors import UserError
from vasa_jax.inference.media_warning import MediaWarning
from vasa_jax.inference.sound import BLOCK, Sound, Supply
from vasa_jax.types import FPS, SAMPLES_PER_FRAME

MIN_RATE, MAX_RATE = 8_000, 192_000
SILENCE = 1e-4
NOT_NUMBERS = "the audio holds values that are not numbers (NaN or infinite)"
# Front left and right, centre, low frequencies, rear left and right, as a WAV file orders them; the weights
# of ITU-R BS.775 for stereo, added up to mono.
SURROUND_TO_MONO = np.array([0.5, 0.5, math.sqrt(0.5), 0.0, math.sqrt(0.125), math.sqrt(0.125)], np.float32)


def read_speech(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a whole sound file, or the sound track of a video; see `open_speech`.

    Returns:
      samples (n,) or (n, 2) float32 in [-1, 1] as `check_speech` leaves them, and their rate in Hz.
    """
    sound = open_speech(path)
    return sound.samples(), sound.rate


def open_speech(path: str | Path) -> Sound:
    """A sound file, or the sound track of a video, of any length: it is read through once to check it.

    Raises:
      UserError: the file is missing, holds no sound that can be read, or `check_speech` refuses it.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no such audio file: {path}")
    if path.stat().st_size == 0:
        raise UserError(f"the audio file is empty: {path}")
    import soundfile

    try:
        return _checked(partial(_libsndfile_blocks, path), soundfile.info(path).samplerate)
    except soundfile.LibsndfileError:
        rate = _ffmpeg_rate(path)
    if rate is None:
        raise UserError(f"no audio that can be read in: {path}")
    return _checked(partial(_ffmpeg_blocks, path), rate, path)


def check_speech(samples: np.ndarray, rate: int) -> np.ndarray:
    """Samples (n,) or (n, channels) of any number type as float32 (n,) or (n, 2) in [-1, 1].

    Integers are divided by the size of their range, louder floats scaled down to a peak of 1, more than two
    channels mixed to one. Silence passes with a warning, since a head may also rest.

    Raises:
      UserError: a rate outside 8 to 192 kHz, no samples, less than a video frame (40 ms), NaN, infinity.
    """
    samples = as_float(np.asarray(samples))
    return _checked(lambda: iter([samples]), rate).samples()


def open_sound_track(path: str | Path, start: float) -> Sound | None:
    """The sound of a video from `start` on, in seconds on the video's clock, so that it begins with the pictures.

    Returns:
      None where the video is silent. Sound that cannot be decoded is left out with a warning, since the pictures do
      without.
    """
    path = Path(path)
    try:
        rate = _ffmpeg_rate(path)
        measured = None if rate is None else _measured(_ffmpeg_frames(path))
    except UserError:
        warnings.warn(f"the sound of {path} cannot be read; the output is silent", MediaWarning, stacklevel=2)
        return None
    if measured is None:
        return None
    length, channels, begins = measured
    shift = round((begins - start) * rate)

    def read() -> Iterator[np.ndarray]:
        if shift > 0:
            yield np.zeros((shift,) if channels == 1 else (shift, channels), np.float32)
        left_out = max(-shift, 0)
        for block in _ffmpeg_blocks(path):
            kept = np.clip(np.nan_to_num(_at_most_stereo(block)), -1, 1)[left_out:]
            left_out = max(left_out - len(block), 0)
            yield kept

    return Sound(read, rate, max(length + shift, 0), channels)


def model_audio(samples: np.ndarray, rate: int) -> Float32[np.ndarray, " padded"]:
    """The sound as the networks hear it: mono, 16 kHz, padded with silence to whole frames of 640 samples."""
    sound = Sound.of(samples, rate)
    return Supply(sound.heard()).take(sound.frames * SAMPLES_PER_FRAME)


def as_float(samples: np.ndarray) -> np.ndarray:
    """Samples of any number type as float32; integers fill [-1, 1]. UserError for what is no audio."""
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "fiu":
        raise UserError(f"audio is an array (samples,) or (samples, channels) of numbers, not {samples.shape}")
    if samples.dtype.kind == "u":
        half = (np.iinfo(samples.dtype).max + 1) / 2
        return (samples / half - 1).astype(np.float32)
    if samples.dtype.kind == "i":
        return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    return samples.astype(np.float32)


def check_rate(rate: int) -> None:
    """UserError unless it is one of those that sound may have, in Hz."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UserError(f"the audio has a rate of {rate} Hz; give one from {MIN_RATE} to {MAX_RATE} Hz")


def _at_most_stereo(samples: np.ndarray) -> np.ndarray:
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    if channels == 1:
        return samples.reshape(-1)
    if channels == 2:
        return samples
    return samples @ SURROUND_TO_MONO if channels == 6 else samples.mean(1)


def _checked(read: Callable[[], Iterator[np.ndarray]], rate: int, path: Path | None = None) -> Sound:
    """Sound of blocks (n,) or (n, channels) of any number, read once to check them as `check_speech` tells."""
    check_rate(rate)
    length, peak, channels, finite = 0, 0.0, 1, True
    for block in filter(len, map(_at_most_stereo, read())):
        length, channels = length + len(block), block.ndim
        finite = finite and bool(np.isfinite(block).all())
        peak = max(peak, float(np.abs(block).max()))
    if length == 0:
        raise UserError("the audio is empty" + (f": {path}" if path else ""))
    if length * FPS < rate:
        raise UserError(f"the audio lasts {1000 * length / rate:.1f} ms; give at least one frame, 40 ms")
    if not finite:
        raise UserError(NOT_NUMBERS)
    if peak < SILENCE:
        warnings.warn("the audio is silent; the head will rest", MediaWarning, stacklevel=3)
    return Sound(lambda: (_at_most_stereo(block) / max(peak, 1.0) for block in read()), rate, length, channels)


def _libsndfile_blocks(path: Path) -> Iterator[np.ndarray]:
    import soundfile

    with soundfile.SoundFile(path) as file:
        while len(block := file.read(BLOCK, dtype="float32")):
            yield block


def _measured(frames: Iterator[tuple[float, np.ndarray]]) -> tuple[int, int, float] | None:
    """Samples, channels (at most 2) and when the first is heard, in seconds; None where there are none."""
    length, channels, begins = 0, 1, None
    for time, block in frames:
        begins = time if begins is None else begins
        length, channels = length + len(block), _at_most_stereo(block).ndim
    return None if not length else (length, channels, begins)


def _ffmpeg_blocks(path: Path) -> Iterator[np.ndarray]:
    """Blocks (n, channels) of about BLOCK samples of the first sound track."""
    waiting, count = [], 0
    for _, block in _ffmpeg_frames(path):
        waiting.append(block)
        count += len(block)
        if count >= BLOCK:
            yield np.concatenate(waiting)
            waiting, count = [], 0
    if count:
        yield np.concatenate(waiting)


def _ffmpeg_rate(path: Path) -> int | None:
    """Of the first sound track; None without one."""
    import av

    with _told(path), av.open(path) as container:
        return container.streams.audio[0].rate if container.streams.audio else None


def _ffmpeg_frames(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    """Samples (n, channels) of the first sound track as they are decoded, and when they are heard in seconds."""
    import av

    with _told(path), av.open(path) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", rate=stream.rate)
        for frame in container.decode(stream):
            for out in resampler.resample(frame):
                yield frame.time or 0.0, out.to_ndarray().reshape(-1, out.layout.nb_channels)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    import av

    try:
        yield
    except (av.FFmpegError, IndexError, ValueError, OSError) as error:
        raise UserError(f"no audio that can be read in: {path}") from error
