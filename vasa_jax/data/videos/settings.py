"""What the clips of a run depend on: sizes, limits and files, each a flag of the command."""

import dataclasses
import hashlib
import json


@dataclasses.dataclass(frozen=True)
class Settings:
    """Lengths in seconds, sizes in pixels, angles in degrees; a limit of 0 is never reached.

    Attributes:
      landmarks: folder of MediaPipe's graphs.
      size: side S of the frames that are written.
      shortest, longest: of a clip.
      least_square: least side of the head's square in the video; 0 for half of `size`.
      largest_yaw, largest_pitch: beyond them a frame is a profile.
      least_sharpness: see labels.sharpness.
      least_speech: share of a clip's frames in which somebody speaks.
      most_music: share of a clip in which music is heard.
      largest_offset: frames by which lips and sound may be apart.
      least_sync: least confidence that lips and sound go together; see labels.SyncReader.
      quality: of the JPEG frames.
      gaze, emotion: files of networks that read gaze and emotion, see labels; "" for the gaze network that ships, and
        no emotion.
      segmenter: network that tells the person from the background; "" for no masks.
      identity: network that describes faces, where these tell who is seen.
    """

    landmarks: str
    size: int = 512
    shortest: float = 2.0
    longest: float = 10.0
    least_square: int = 0
    largest_yaw: float = 50.0
    largest_pitch: float = 45.0
    least_sharpness: float = 0.04
    least_speech: float = 0.3
    most_music: float = 0.2
    largest_offset: float = 1.5
    least_sync: float = 0.0
    quality: int = 95
    gaze: str = ""
    emotion: str = ""
    segmenter: str = ""
    identity: str = ""

    @property
    def square(self) -> float:
        """Least side of the head's square in the video, in pixels."""
        return float(self.least_square or self.size / 2)

    @property
    def fingerprint(self) -> str:
        """A short name: work of other settings is never mixed in."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()[:12]
