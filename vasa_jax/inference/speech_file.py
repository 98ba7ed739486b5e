"""Speech in: any sound file becomes float32 samples, and 16 kHz mono for the networks.

libsndfile reads most formats exactly; what it does not know goes to FFmpeg. The samples are kept at their own
rate for the video's sound track, and resampled beside it for the speech encoder.
"""

import math
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from vasa_jax.errors import UserError
from vasa_jax.inference.media_warning import MediaWarning
from vasa_jax.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

MIN_RATE, MAX_RATE = 8_000, 192_000
SILENCE = 1e-4
# Front left and right, centre, low frequencies, rear left and right, as a WAV file orders them; the weights
# of ITU-R BS.775 for stereo, added up to mono.
SURROUND_TO_MONO = np.array([0.5, 0.5, math.sqrt(0.5), 0.0, math.sqrt(0.125), math.sqrt(0.125)], np.float32)


def read_speech(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a sound file, or the sound track of a video.

    Returns:
      samples (n,) or (n, 2) float32 in [-1, 1] as `check_speech` leaves them, and their rate in Hz.

    Raises:
      UserError: the file is missing, holds no sound that can be read, or `check_speech` refuses it.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no such audio file: {path}")
    if path.stat().st_size == 0:
        raise UserError(f"the audio file is empty: {path}")
    samples, rate = _read_by_libsndfile(path) or _read_by_ffmpeg(path)
    return check_speech(samples, rate), rate


def check_speech(samples: np.ndarray, rate: int) -> np.ndarray:
    """Samples (n,) or (n, channels) of any number type as float32 (n,) or (n, 2) in [-1, 1].

    Integers are divided by the size of their range, louder floats scaled down to a peak of 1, more than two
    channels mixed to one. Silence passes with a warning, since a head may also rest.

    Raises:
      UserError: a rate outside 8 to 192 kHz, no samples, less than a video frame (40 ms), NaN, infinity.
    """
    samples = _as_float(np.asarray(samples))
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UserError(f"the audio has a rate of {rate} Hz; give one from {MIN_RATE} to {MAX_RATE} Hz")
    if len(samples) == 0:
        raise UserError("the audio is empty")
    if len(samples) * FPS < rate:
        raise UserError(f"the audio lasts {1000 * len(samples) / rate:.1f} ms; give at least one frame, 40 ms")
    if not np.isfinite(samples).all():
        raise UserError("the audio holds values that are not numbers (NaN or infinite)")
    samples = _at_most_stereo(samples)
    peak = float(np.abs(samples).max())
    if peak < SILENCE:
        warnings.warn("the audio is silent; the head will rest", MediaWarning, stacklevel=2)
    return samples / max(peak, 1.0)


def read_sound_track(path: str | Path, start: float) -> tuple[np.ndarray, int] | None:
    """The sound of a video from `start` on, in seconds on the video's clock, so that it begins with the pictures.

    Returns:
      samples (n,) or (n, 2) float32 in [-1, 1] and their rate in Hz; None where the video is silent. Sound that
      cannot be decoded is left out with a warning, since the pictures do without.
    """
    try:
        track = _decode_track(Path(path))
    except UserError:
        warnings.warn(f"the sound of {path} cannot be read; the output is silent", MediaWarning, stacklevel=2)
        return None
    if track is None or not len(track[0]):
        return None
    samples, rate, begins = track
    shift = round((begins - start) * rate)
    samples = np.pad(samples, ((max(shift, 0), 0), (0, 0)))[max(-shift, 0) :]
    return np.clip(np.nan_to_num(_at_most_stereo(samples)), -1, 1), rate


def count_frames(samples: np.ndarray, rate: int) -> int:
    """Video frames that cover the sound: a last partial frame counts as one."""
    return math.ceil(len(samples) * FPS / rate)


def model_audio(samples: np.ndarray, rate: int) -> Float32[np.ndarray, " padded"]:
    """The sound as the networks hear it: mono, 16 kHz, padded with silence to whole frames of 640 samples."""
    mono = samples if samples.ndim == 1 else samples.mean(1)
    if rate != SAMPLE_RATE:
        import soxr

        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    length = count_frames(samples, rate) * SAMPLES_PER_FRAME
    audio = np.zeros(length, np.float32)
    audio[: len(mono)] = mono[:length]
    return audio


def _as_float(samples: np.ndarray) -> np.ndarray:
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "fiu":
        raise UserError(f"audio is an array (samples,) or (samples, channels) of numbers, not {samples.shape}")
    if samples.dtype.kind == "u":
        half = (np.iinfo(samples.dtype).max + 1) / 2
        return (samples / half - 1).astype(np.float32)
    if samples.dtype.kind == "i":
        return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    return samples.astype(np.float32)


def _at_most_stereo(samples: np.ndarray) -> np.ndarray:
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    if channels == 1:
        return samples.reshape(-1)
    if channels == 2:
        return samples
    return samples @ SURROUND_TO_MONO if channels == 6 else samples.mean(1)


def _read_by_libsndfile(path: Path) -> tuple[np.ndarray, int] | None:
    import soundfile

    try:
        return soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError:
        return None


def _read_by_ffmpeg(path: Path) -> tuple[np.ndarray, int]:
    track = _decode_track(path)
    if track is None:
        raise UserError(f"no audio that can be read in: {path}")
    samples, rate, _ = track
    if not len(samples):
        raise UserError(f"the audio is empty: {path}")
    return samples, rate


def _decode_track(path: Path) -> tuple[np.ndarray, int, float] | None:
    """Samples (n, channels) of the first sound track, their rate, when they begin in seconds; None without a track."""
    import av

    blocks, start = [], 0.0
    try:
        with av.open(path) as container:
            if not container.streams.audio:
                return None
            stream = container.streams.audio[0]
            rate = stream.rate
            resampler = av.AudioResampler(format="flt", rate=rate)
            for frame in container.decode(stream):
                start = start if blocks else frame.time or 0.0
                blocks += [out.to_ndarray().reshape(-1, out.layout.nb_channels) for out in resampler.resample(frame)]
    except (av.FFmpegError, IndexError, ValueError, OSError) as error:
        raise UserError(f"no audio that can be read in: {path}") from error
    return np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32), rate, start
