"""What an animator gives back: the frames, their sound, and where the time went."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vasa_jax.inference.video_file import default_size, write_video
from vasa_jax.types import FPS


@dataclass(frozen=True)
class Video:
    """A talking head.

    Attributes:
      frames: uint8 (T, S, S, 3) RGB, S the network's image size.
      audio: float32 (n,) or (n, 2) in [-1, 1], the speech at its own rate.
      sample_rate: of `audio`, in Hz.
      fps: frames a second.
      seconds: time spent in each part: load, crop, encode, speech, sample, decode; `load` once an animator.
    """

    frames: np.ndarray
    audio: np.ndarray
    sample_rate: int
    fps: int = FPS
    seconds: dict[str, float] = field(default_factory=dict)

    def save(self, path: str | Path, size: int | None = None) -> None:
        """Write an mp4 (h264, AAC) that lasts as long as the frames do.

        Args:
          path: ends in .mp4.
          size: side of the frames in pixels, even; None enlarges frames below 256 to 256 and keeps others.

        Raises:
          UserError: the file cannot be written; nothing is left of it then.
        """
        size = default_size(self.frames.shape[1]) if size is None else size
        write_video(path, self.frames, self.audio, self.sample_rate, fps=self.fps, size=size)
