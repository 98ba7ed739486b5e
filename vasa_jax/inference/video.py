"""What an animator gives back: the frames, their sound, and where the time went."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vasa_jax.inference.paste import Setting
from vasa_jax.inference.video_file import default_size, write_video
from vasa_jax.provenance.label import DEFAULT, Label
from vasa_jax.provenance.record import Record, unknown
from vasa_jax.provenance.signing_key import SigningKey
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
      record: of the run, which its mark and manifest name.
    """

    frames: np.ndarray
    audio: np.ndarray
    sample_rate: int
    fps: int = FPS
    seconds: dict[str, float] = field(default_factory=dict)
    record: Record = field(default_factory=unknown)

    def save(
        self,
        path: str | Path,
        size: int | None = None,
        setting: Setting | None = None,
        *,
        label: Label = DEFAULT,
        consent: str | None = None,
        key: SigningKey | None = None,
    ) -> None:
        """Write an mp4 (h264, AAC) that lasts as long as the frames do, labelled and signed.

        Args:
          path: ends in .mp4.
          size: side of the frames in pixels, even; None enlarges frames below 256 to 256 and keeps others.
          setting: the photograph that they are put back into; `size` does not count then.
          label: what is seen of it that it is generated; `Label("none")` for none.
          consent: who agreed to be shown, and how, in the user's words; told in the manifest.
          key: that signs the manifest; None for this machine's, see `provenance.signing_key`.

        Raises:
          UserError: the file cannot be written; nothing is left of it then.
        """
        frames = self.frames if setting is None else setting.paste(self.frames)
        size = default_size(self.frames.shape[1]) if size is None else size
        whole = size if setting is None else setting.size
        record = self.record.agreed(consent)
        write_video(
            path, frames, self.audio, self.sample_rate, fps=self.fps, size=whole, label=label, record=record, key=key
        )
