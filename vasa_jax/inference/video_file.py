"""Video out: frames and sound to an mp4 (h264 and AAC) that appears whole or not at all."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.inference.output_file import check_target, whole_file
from vasa_jax.inference.sound import Sound, Supply
from vasa_jax.provenance.label import DEFAULT, Label, labelled
from vasa_jax.provenance.record import Record, unknown
from vasa_jax.provenance.seal import seal_video
from vasa_jax.provenance.signing_key import SigningKey

MIN_SIZE, MAX_SIZE = 64, 2048
DEFAULT_SIZE = 256
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
OTHER_RATE = 48_000
H264_OPTIONS = {"crf": "18", "preset": "veryfast"}


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
    audio: np.ndarray | Sound | None,
    sample_rate: int,
    *,
    fps: int,
    size: int | tuple[int, int],
    label: Label = DEFAULT,
    record: Record | None = None,
    key: SigningKey | None = None,
) -> None:
    """Encode frames and sound of the same length, label them and sign the file.

    Frames are taken one at a time and sound a block at a time, so that neither need be in memory.

    Args:
      frames: uint8 (H, W, 3) each; resized to `size` by a Lanczos filter where they differ.
      audio: float32 (n,) or (n, 2) in [-1, 1]; silence is added up to the end of the last frame. None for a video
        without a sound track. Of a `Sound` the rate is its own.
      size: side of a square, or width and height, which must be even.
      sample_rate: in Hz; kept where AAC knows it, else the sound is resampled to 48 kHz.
      label, key: see `video.Video.save`.
      record: of the run, as `Animator.record` makes it; without one the manifest tells of none.

    Raises:
      UserError: the file cannot be written, for want of room or rights; nothing is left of it then.
    """
    import av

    target = check_target(path)
    sound = audio if audio is None or isinstance(audio, Sound) else Sound.of(audio, sample_rate)
    with whole_file(target) as hidden:
        with av.open(hidden, "w", format="mp4", options={"movflags": "+faststart"}) as container:
            size = _width_and_height(size)
            _encode(container, labelled(frames, label, size, fps), sound, fps, size)
        seal_video(hidden, record or unknown(), label, key)


def _width_and_height(size: int | tuple[int, int]) -> tuple[int, int]:
    return (check_size(size),) * 2 if isinstance(size, int) else size


def _encode(container: Any, frames: Iterable[np.ndarray], sound: Sound | None, fps: int, size: tuple[int, int]) -> None:
    """One frame, then the sound that belongs to it, so that neither waits for the other in memory."""
    video, track, heard = _video_stream(container, fps, size), None, 0
    if sound is not None:
        rate = sound.rate if sound.rate in AAC_RATES else OTHER_RATE
        track, supply = _sound_stream(container, rate, sound.channels), Supply(sound.at(rate), sound.shape[1:])
    for index, frame in enumerate(frames):
        container.mux(video.encode(_video_frame(frame, size, index)))
        if track is not None:
            end = (index + 1) * rate // fps
            container.mux(track.encode(_audio_frame(supply.take(end - heard), heard, rate)))
            heard = end
    container.mux(video.encode(None))
    if track is not None:
        container.mux(track.encode(None))


def _sound_stream(container: Any, rate: int, channels: int) -> Any:
    stream = container.add_stream("aac", rate=rate, layout="mono" if channels == 1 else "stereo")
    stream.time_base = Fraction(1, rate)
    return stream


def _video_stream(container: Any, fps: int, size: tuple[int, int]) -> Any:
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    stream = container.add_stream("h264", rate=fps, options=H264_OPTIONS)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _video_frame(pixels: np.ndarray, size: tuple[int, int], index: int) -> Any:
    import av
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(
        *size, "yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.LANCZOS | Interpolation.ACCURATE_RND,
    )  # fmt: skip
    frame.pts = index
    return frame


def _audio_frame(samples: np.ndarray, start: int, rate: int) -> Any:
    import av

    layout = "mono" if samples.ndim == 1 else "stereo"
    planes = np.ascontiguousarray(samples.reshape(len(samples), -1).T)
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    return frame
