"""Driving videos in: any video that FFmpeg reads becomes squares around one face, 25 a second, one at a time."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from vasa_jax.errors import UserError
from vasa_jax.inference.crop import CANONICAL, Square, crop_centre, cut_square, steady_square
from vasa_jax.inference.media_warning import MediaWarning
from vasa_jax.inference.video_frames import read_header, shown_frames
from vasa_jax.types import FPS, Framing

# A face is looked for in this many frames at this distance, 10 s in all; `crop.steady_square` seldom needs so many.
LOOKS, FRAMES_BETWEEN_LOOKS = 25, 10
MISSING_FRAMES = 12  # fewer are what a header's rounding and a trimmed end explain


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
    start, expected = read_header(path)
    if len(list(islice(shown_frames(path), 2))) < 2:
        raise UserError(f"the video has a single frame; for a still, give a picture as --expression_from: {path}")
    square = None
    if crop:
        square = steady_square(islice(_pictures(path), 0, LOOKS * FRAMES_BETWEEN_LOOKS, FRAMES_BETWEEN_LOOKS))
        if square is None:
            seconds = LOOKS * FRAMES_BETWEEN_LOOKS // FPS
            advice = "if the video is framed tightly around a face, add --no_crop_driving"
            raise UserError(f"no face was found in the first {seconds} s; {advice}: {path}")
    return DrivingVideo(path, square, start, expected)


def _pictures(path: Path) -> Iterator[np.ndarray]:
    return (shown.pixels() for shown in shown_frames(path))
