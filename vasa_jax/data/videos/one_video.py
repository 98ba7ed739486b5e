"""One video from file to clips and refusals, from front to back in constant memory.

The file is read by two readers in step: the first follows the face through a stretch, the second cuts out the frames
of what became a clip. So the square can rest on the whole stretch, and no frame is kept but as the JPEG of a clip.
"""

import io
import itertools
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vasa_jax.data.videos import framing, labels, record, sorting
from vasa_jax.data.videos.clock import Clock
from vasa_jax.data.videos.faces import Faces, MediaPipeFaces
from vasa_jax.data.videos.identities import FaceDescriber
from vasa_jax.data.videos.refusals import Refusal
from vasa_jax.data.videos.settings import Settings
from vasa_jax.data.videos.sorting import Heard, Sorted
from vasa_jax.data.videos.sound import Sound
from vasa_jax.data.videos.tracking import Stretch, Tracker, stretches
from vasa_jax.errors import UserError
from vasa_jax.inference.crop import cut_square
from vasa_jax.inference.driving_file import MISSING_FRAMES
from vasa_jax.inference.video_frames import Shown, read_header, shown_frames
from vasa_jax.judges import FaceTrack
from vasa_jax.types import FPS

BATCH = 16  # frames of a clip that are held as pixels at once; of each batch the first tells how sharp it is
JUDGED_SIDE = 512  # pixels at which sharpness is judged, whatever the size that is written
GAZE_SIDE = 256  # pixels that the gaze network is shown at most
PICTURE_SIDE = 160  # pixels of the picture of a refusal


@dataclass(frozen=True)
class Readers:
    """What reads labels; made once a process.

    Attributes:
      faces: finds and reads faces.
      sync: (lip opening, audio) -> offset in frames and confidence.
      gaze: (frames, landmarks) -> (T, 2) radians.
      emotion: frames -> (6,), or None.
      segmenter: frames -> (n, S, S) uint8 masks of the person, or None.
      identity: (frames, landmarks) -> descriptor, or None.
    """

    faces: Faces
    sync: Callable
    gaze: Callable
    emotion: Callable | None = None
    segmenter: Callable | None = None
    identity: Callable | None = None

    @classmethod
    def open(cls, settings: Settings) -> "Readers":
        """Those that the settings name.

        Raises:
          UserError: a file is missing, or a runtime is not installed.
        """
        return cls(
            MediaPipeFaces(settings.landmarks),
            labels.SyncReader(),
            labels.GazeReader(settings.gaze or None),
            labels.EmotionReader(settings.emotion) if settings.emotion else None,
            labels.Segmenter(settings.segmenter) if settings.segmenter else None,
            FaceDescriber(settings.identity) if settings.identity else None,
        )


@dataclass
class Frames:
    """The frames of a video, to where it ends or breaks.

    Attributes:
      count: of the frames so far.
      mistake: why there are no more; "" at a good end.
    """

    path: Path
    count: int = 0
    mistake: str = ""

    def __iter__(self) -> Iterator[Shown]:
        try:
            for shown in shown_frames(self.path):
                self.count += 1
                yield shown
        except UserError as error:
            self.mistake = str(error).removesuffix(f": {self.path}")


@dataclass
class Dropped:
    """A refusal with its picture, JPEG bytes or None."""

    refusal: Refusal
    picture: bytes | None = None


@dataclass
class Video:
    """The work on one video.

    Attributes:
      path: of the file. name: its path below the folder of videos.
      clock: processor time by kind of work.
    """

    path: Path
    name: str
    settings: Settings
    readers: Readers
    clock: Clock = field(default_factory=Clock)

    def sort(self) -> Iterator[dict[str, Any] | Dropped]:
        """Records of clips, without the manifest's fields, and what was dropped, in order of time."""
        try:
            if not self.path.stat().st_size:
                raise UserError(f"the file is empty: {self.path}")
            start, expected = read_header(self.path)
        except UserError as error:
            message = str(error).removesuffix(f": {self.path}")
            yield Dropped(Refusal(self.name, 0.0, 0.0, "unreadable", message))
            return
        ahead, behind = Frames(self.path), Frames(self.path)
        self._behind, self._place = iter(self.clock.each("decode", behind)), 0
        self._sound = Sound(self.path, start)
        seen = Tracker(self.readers.faces, self.clock).watch(self.clock.each("decode", ahead))
        shortest, longest = (round(seconds * FPS) for seconds in (self.settings.shortest, self.settings.longest))
        for stretch in stretches(seen, shortest, longest):
            for found in sorting.by_sight(stretch, self.settings):
                yield self._hear(found)
        if ahead.mistake or ahead.count < expected - MISSING_FRAMES:
            end = max(expected, ahead.count) / FPS
            detail = ahead.mistake or "the file ends before its time"
            yield Dropped(Refusal(self.name, ahead.count / FPS, end, "unreadable", detail))

    def _hear(self, found: Sorted) -> dict[str, Any] | Dropped:
        if found.square is None:
            return self._drop(found)
        stretch = found.stretch
        track = framing.track_of(stretch.faces, found.square)
        lips = labels.lip_opening(track.points)
        with self.clock("decode"):
            audio = self._sound.read(stretch.first, stretch.count)
        if not self._sound.exists and self.settings.least_speech:
            return self._drop(sorting.refused(found, "no speech", "no sound that can be read"))
        with self.clock("labels"):
            heard = sorting.listen(audio, lips, self.readers.sync)
            found = sorting.by_sound(found, heard, self.settings)
        if found.square is None:
            return self._drop(found)
        clip = self._label(found, track, lips, heard) | self._pictures(found, track)
        sharp = clip["sharpness"]
        if sharp < self.settings.least_sharpness:
            return self._drop(sorting.refused(found, "blurred", f"sharpness {sharp:.3f}"))
        return clip

    def _label(self, found: Sorted, track: FaceTrack, lips: np.ndarray, heard: Heard) -> dict[str, Any]:
        """What landmarks and sound say."""
        first, count = found.stretch.first, found.stretch.count
        pose = labels.pose_of_landmarks(track.points)
        by = self.readers.faces.name
        known = dict.fromkeys(("pose", "landmarks", "distance", "lip_opening", "eye_openness", "box"), by)
        known |= {"gaze": self.settings.gaze or "the gaze network that ships", "speech": "loudness"}
        if self.settings.emotion:
            known["emotion"] = self.settings.emotion
        if self.settings.segmenter:
            known["foreground"] = self.settings.segmenter
        if np.isfinite(heard.offset):
            known["audio_offset"] = "lips against speech"
        return {
            **record.blank(count),
            "clip": clip_name(self.name, first),
            "identity": "",
            "speaker": "",
            "kind": "talk" if heard.speech.any() else "range",
            "video": self.name,
            "start": first / FPS,
            "square": np.array([*found.square[0], found.square[1]], np.float32),
            "audio": heard.audio,
            "pose": pose.astype(np.float32),
            "landmarks": labels.ibug_landmarks(track.points, track.lids),
            "distance": labels.head_distance(pose).astype(np.float32),
            "lip_opening": lips,
            "eye_openness": labels.eye_openness(track.lids),
            "box": record.box_of(track.points),
            "speech": heard.speech,
            "audio_offset": heard.offset,
            "audio_offset_confidence": heard.confidence,
            "sources": {"label": sorted(known), "source": [known[name] for name in sorted(known)]},
        }

    def _pictures(self, chosen: Sorted, track: FaceTrack) -> dict[str, Any]:
        """The frames of a clip, and what they show."""
        landmarks = labels.ibug_landmarks(track.points, track.lids)
        encoded: list[bytes] = []
        masks: list[bytes] = []
        samples: list[np.ndarray] = []
        found: dict[str, list[np.ndarray]] = defaultdict(list)
        shown = self._frames(chosen.stretch)
        while some := list(itertools.islice(shown, BATCH)):
            with self.clock("crop"):
                squares = np.stack([cut_square(one.pixels(), *chosen.square, self.settings.size) for one in some])
            with self.clock("encode"):
                encoded += [jpeg(square, self.settings.quality) for square in squares]
            with self.clock("labels"):
                place = slice(len(encoded) - len(some), len(encoded))
                found["gaze"].append(self.readers.gaze(for_gaze(squares), landmarks[place]))
                judged = cut_square(some[0].pixels(), *chosen.square, JUDGED_SIDE)[None]
                found["sharpness"].append(labels.sharpness(judged))
                found["brightness"].append(labels.brightness(judged))
                if self.readers.emotion:
                    found["emotion"].append(self.readers.emotion(squares)[None])
            if self.readers.segmenter:
                with self.clock("labels"):
                    masks += [jpeg(mask, self.settings.quality) for mask in self.readers.segmenter(squares)]
            samples.append(squares[0])
        told = {name: np.concatenate(values) for name, values in found.items()}
        several = {name: np.mean(told[name], 0) for name in told if name != "gaze"}
        if self.readers.identity:
            with self.clock("labels"):
                several["descriptor"] = self.readers.identity(np.stack(samples), landmarks[::BATCH])
        foreground = {"foreground": masks} if self.readers.segmenter else {}
        return {"frames": encoded, "gaze": told["gaze"], **foreground, **several}

    def _frames(self, stretch: Stretch) -> Iterator[Shown]:
        """The frames of a stretch, which lies behind those that were asked for before."""
        shown = itertools.islice(self._behind, stretch.first - self._place, stretch.first - self._place + stretch.count)
        self._place = stretch.first + stretch.count
        return shown

    def _drop(self, found: Sorted) -> Dropped:
        stretch = found.stretch
        times = stretch.first / FPS, (stretch.first + stretch.count) / FPS
        return Dropped(Refusal(self.name, *times, found.reason, found.detail), small_picture(stretch.picture))


def clip_name(video: str, frame: int) -> str:
    """A name that no other clip has, for files too: the video's, a sum over its path, the first frame's number."""
    stem = "".join(letter if letter.isalnum() else "_" for letter in Path(video).stem)[:32]
    return f"{stem}_{zlib.crc32(video.encode()):08x}_{frame:07d}"


def jpeg(pixels: np.ndarray, quality: int) -> bytes:
    """In full colour resolution."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def for_gaze(squares: np.ndarray) -> np.ndarray:
    """Frames (n, S, S, 3), shrunk where the gaze network would not see more."""
    if squares.shape[1] <= GAZE_SIDE:
        return squares
    size = (GAZE_SIDE, GAZE_SIDE)
    return np.stack([np.asarray(Image.fromarray(square).resize(size, Image.Resampling.BOX)) for square in squares])


def small_picture(pixels: np.ndarray) -> bytes:
    image = Image.fromarray(pixels)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    return jpeg(np.asarray(image), 80)
