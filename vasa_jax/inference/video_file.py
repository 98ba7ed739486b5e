"""Video out: frames and sound to an mp4 (h264 and AAC) that appears whole or not at all.

The file is written under a hidden name beside its target and renamed when it is complete, so that neither an
error nor an interruption leaves half a video under the name that was asked for.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.errors import UserError

MIN_SIZE, MAX_SIZE = 64, 2048
DEFAULT_SIZE = 256
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
OTHER_RATE = 48_000
H264_OPTIONS = {"crf": "18", "preset": "veryfast"}


def check_target(path: str | Path) -> Path:
    """The path as given, once a file can be made there; to be called before the work starts.

    Raises:
      UserError: the name does not end in .mp4, the folder is missing or may not be written to.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise UserError(f"the output is an .mp4 file, not {path.name or path}")
    if path.is_dir():
        raise UserError(f"the output is a folder: {path}")
    with _whole_file(path):
        pass
    return path


def check_size(size: int) -> int:
    """The side of a video's frames in pixels if it is even, as h264 asks, and 64 to 2048; else UserError."""
    if not MIN_SIZE <= size <= MAX_SIZE or size % 2:
        raise UserError(f"the output size is an even number from {MIN_SIZE} to {MAX_SIZE}, not {size}")
    return size


def default_size(native: int) -> int:
    """Frames of small networks are enlarged, since players show them tiny; larger ones stay, made even."""
    return max(native + native % 2, DEFAULT_SIZE)


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    audio: np.ndarray,
    sample_rate: int,
    *,
    fps: int,
    size: int,
) -> None:
    """Encode frames and sound of the same length.

    Args:
      frames: uint8 (S, S, 3) each; resized to `size` by a Lanczos filter where S differs.
      audio: float32 (n,) or (n, 2) in [-1, 1]; silence is added up to the end of the last frame.
      sample_rate: in Hz; kept where AAC knows it, else the sound is resampled to 48 kHz.

    Raises:
      UserError: the file cannot be written, for want of room or rights; nothing is left of it then.
    """
    import av

    target = check_target(path)
    audio, sample_rate = _for_aac(audio, sample_rate)
    with _whole_file(target) as hidden:
        try:
            with av.open(hidden, "w", format="mp4", options={"movflags": "+faststart"}) as container:
                _encode(container, frames, audio, sample_rate, fps, check_size(size))
            os.replace(hidden, target)
        except OSError as error:
            raise UserError(f"the video could not be written ({error.strerror}): {target}") from error


@contextmanager
def _whole_file(target: Path) -> Iterator[str]:
    """A fresh hidden file beside the target; whoever does not rename it finds it gone afterwards."""
    try:
        handle, hidden = tempfile.mkstemp(prefix=f".{target.stem[:40]}-", suffix=".mp4", dir=target.parent)
    except OSError as error:
        raise UserError(f"the output cannot be written ({error.strerror}): {target}") from error
    os.close(handle)
    try:
        _give_usual_rights(hidden)
        yield hidden
    finally:
        Path(hidden).unlink(missing_ok=True)


def _give_usual_rights(path: str) -> None:
    """mkstemp makes private files; a video has the rights that any new file of this user has."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)


def _for_aac(audio: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    if rate in AAC_RATES:
        return audio, rate
    import soxr

    return soxr.resample(audio, rate, OTHER_RATE), OTHER_RATE


def _encode(container: Any, frames: Iterable[np.ndarray], audio: np.ndarray, rate: int, fps: int, size: int) -> None:
    """One frame, then the sound that belongs to it, so that neither waits for the other in memory."""
    video = _video_stream(container, fps, size)
    sound = container.add_stream("aac", rate=rate, layout="mono" if audio.ndim == 1 else "stereo")
    sound.time_base = Fraction(1, rate)
    heard = 0
    for index, frame in enumerate(frames):
        container.mux(video.encode(_video_frame(frame, size, index)))
        end = (index + 1) * rate // fps
        container.mux(sound.encode(_audio_frame(audio, heard, end, rate)))
        heard = end
    container.mux(video.encode(None))
    container.mux(sound.encode(None))


def _video_stream(container: Any, fps: int, size: int) -> Any:
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    stream = container.add_stream("h264", rate=fps, options=H264_OPTIONS)
    stream.width = stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _video_frame(pixels: np.ndarray, size: int, index: int) -> Any:
    import av
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(
        size, size, "yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.LANCZOS | Interpolation.ACCURATE_RND,
    )  # fmt: skip
    frame.pts = index
    return frame


def _audio_frame(audio: np.ndarray, start: int, end: int, rate: int) -> Any:
    import av

    samples = np.zeros((end - start, *audio.shape[1:]), np.float32)
    present = audio[start:end]
    samples[: len(present)] = present
    layout = "mono" if audio.ndim == 1 else "stereo"
    planes = np.ascontiguousarray(samples.reshape(len(samples), -1).T)
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    return frame
