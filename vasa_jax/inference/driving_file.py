"""Driving videos in: any video that FFmpeg reads becomes squares around one face, 25 a second, one at a time.

What phones and editors bring along is settled here: rotation, pixels that are not square, any and varying frame
rates. Nothing but the frame at hand is kept, so that a long video needs no more memory than a short one.
"""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.inference.crop import CANONICAL, Square, crop_centre, cut_square, steady_square
from vasa_jax.inference.media_warning import MediaWarning
from vasa_jax.types import FPS, Framing

# A face is looked for in this many frames at this distance, 10 s in all; `crop.steady_square` seldom needs so many.
LOOKS, FRAMES_BETWEEN_LOOKS = 25, 10
MAX_STILL_SECONDS = 10.0
MISSING_FRAMES = 12  # fewer are what a header's rounding and a trimmed end explain
EARLY = 1e-3  # seconds by which a time stamp may be rounded up

Timed = tuple[float, Any]


@dataclass(frozen=True)
class DrivingVideo:
    """A video whose face is known; opened anew for each pass over its frames.

    Attributes:
      path: of the file.
      square: centre and side of the canonical square in every frame; None for the largest centred square.
      start: of the first frame, in seconds on the file's clock.
      expected_frames: about how many there are at 25 fps, as the file says; 0 if it does not.
    """

    path: Path
    square: Square | None
    start: float
    expected_frames: int

    def frames(self, size: int, framing: Framing = CANONICAL) -> Iterator[UInt8[np.ndarray, "size size 3"]]:
        """Squares of `size` pixels, framed as a model takes them, 25 a second by the time stamps; warns where the file
        ends before its time.

        Raises:
          UserError: the file turns out to be damaged, when the frames reach that place.
        """
        count = 0
        for pixels in _pictures(self.path):
            whole = self.square is None
            yield crop_centre(pixels, size) if whole else cut_square(pixels, *framing.of(*self.square), size)
            count += 1
        if count < self.expected_frames - MISSING_FRAMES:
            told = f"the video has {count} of {self.expected_frames} frames, it may be cut short: {self.path}"
            warnings.warn(told, MediaWarning, stacklevel=2)


def open_driving(path: str | Path, crop: bool = True) -> DrivingVideo:
    """Check a video and find the face in its beginning.

    Args:
      crop: find the face and frame it as a portrait, in one square for the whole video; False takes the largest
        centred square.

    Raises:
      UserError: the file is missing or no video, has a single frame, or shows no face.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no such video file: {path}")
    if path.stat().st_size == 0:
        raise UserError(f"the video file is empty: {path}")
    start, expected = _read_header(path)
    if len(list(islice(_shown(path), 2))) < 2:
        raise UserError(f"the video has a single frame; for a still, give a picture as --expression_from: {path}")
    square = None
    if crop:
        square = steady_square(islice(_pictures(path), 0, LOOKS * FRAMES_BETWEEN_LOOKS, FRAMES_BETWEEN_LOOKS))
        if square is None:
            seconds = LOOKS * FRAMES_BETWEEN_LOOKS // FPS
            advice = "if the video is framed tightly around a face, add --no_crop_driving"
            raise UserError(f"no face was found in the first {seconds} s; {advice}: {path}")
    return DrivingVideo(path, square, start, expected)


def at_frame_rate(timed: Iterable[Timed], interval: float) -> Iterator[Any]:
    """What is on the screen at the times k / 25, from the first frame on.

    Args:
      timed: seconds that rise, and the frame that is shown from then on.
      interval: how long the last frame is shown, in seconds.

    Raises:
      UserError: the time stamps stand still for longer than MAX_STILL_SECONDS, which is a mistake in the file.
    """
    start = end = shown = None
    count = 0
    for time, frame in timed:
        start = time if start is None else start
        if end is not None and time - end > MAX_STILL_SECONDS:
            raise UserError(f"the time stamps of the video jump by {time - end:.0f} s after {end - start:.1f} s")
        while shown is not None and count / FPS < time - start - EARLY:
            yield shown
            count += 1
        end, shown = time, frame
    while shown is not None and count / FPS < end - start + interval - EARLY:
        yield shown
        count += 1


def _pictures(path: Path) -> Iterator[np.ndarray]:
    return (_upright(frame, ratio) for frame, ratio in _shown(path))


def _shown(path: Path) -> Iterator[tuple[Any, float]]:
    """Decoded frames at 25 fps, each with the width of its pixels over their height."""
    import av

    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            interval = float(1 / (stream.average_rate or stream.guessed_rate or FPS))
            ratio = float(stream.sample_aspect_ratio or 1)
            for frame in at_frame_rate(_timed(container.decode(stream), interval), interval):
                yield frame, ratio
    except UserError as error:
        raise UserError(f"{error}: {path}") from error
    except (av.FFmpegError, IndexError, ValueError, OSError) as error:
        raise UserError(f"the video is damaged: {path}") from error


def _timed(frames: Iterable[Any], interval: float) -> Iterator[Timed]:
    """Frames without a time follow the one before; those that would go back in time are left out."""
    last = None
    for frame in frames:
        time = frame.time
        if time is None:
            time = 0.0 if last is None else last + interval
        if last is None or time > last:
            yield time, frame
            last = time


def _read_header(path: Path) -> tuple[float, int]:
    """Start in seconds and expected frames at 25 fps."""
    import av

    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise UserError(f"there is sound but no picture in: {path}")
            stream = container.streams.video[0]
            first = next(container.decode(stream))
            seconds = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / 1e6
            return first.time or 0.0, round(seconds * FPS)
    except (av.FFmpegError, StopIteration, ValueError, OSError) as error:
        raise UserError(f"not a video that can be read: {path}") from error


def _upright(frame: Any, pixel_ratio: float) -> UInt8[np.ndarray, "height width 3"]:
    pixels = frame.to_ndarray(format="rgb24")
    if pixel_ratio != 1:
        wide = max(round(pixels.shape[1] * pixel_ratio), 1)
        pixels = np.asarray(Image.fromarray(pixels).resize((wide, pixels.shape[0])))
    return np.ascontiguousarray(np.rot90(pixels, round(getattr(frame, "rotation", 0) / 90)))
