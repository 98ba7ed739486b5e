"""From frames to stretches: what is seen in each frame, and the runs of frames in which the same holds."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from vasa_jax.data.videos import shots
from vasa_jax.data.videos.clock import Clock
from vasa_jax.data.videos.faces import SEE_SECOND, Face, Faces, Pixels, apart
from vasa_jax.inference.video_frames import Shown

LONGEST_SIDE = 1280  # of the frames in which faces are looked for
LOOK_EVERY = 12  # frames between two looks at the whole picture, for other faces
SEEK_EVERY = 5  # frames between two looks while there is no face
JUMP = 0.5  # of the face's side: what moves further from one frame to the next is another face


@dataclass(frozen=True)
class Seen:
    """What is seen in one frame.

    Attributes:
      number: of the frame, at 25 a second.
      verdict: why the frame is of no use, or "".
      cut: whether a new shot begins with it.
      face: in pixels of `pixels`; None where there is none.
      pixels: the frame, no side over LONGEST_SIDE.
      size: width and height of the video.
    """

    number: int
    verdict: str
    cut: bool
    face: Face | None
    pixels: Pixels
    size: tuple[int, int]


@dataclass
class Stretch:
    """Frames in a row of which the same holds.

    Attributes:
      first: number of the first frame. count: of frames.
      verdict: why they are of no use, or "".
      faces: one for each frame, in pixels of the video; empty where they are of no use.
      picture: the first frame.
      size: width and height of the video.
      cut_before, cut_behind: whether it begins or ends with a cut.
    """

    first: int
    verdict: str
    picture: Pixels
    size: tuple[int, int]
    cut_before: bool = False
    cut_behind: bool = False
    count: int = 0
    faces: list[Face] = field(default_factory=list)


class Tracker:
    """Follows the largest face of a video from frame to frame."""

    def __init__(self, faces: Faces, clock: Clock):
        self._faces, self._clock, self._cuts = faces, clock, shots.Cuts()
        self._face: Face | None = None
        self._others = False
        self._next_look = 0

    def watch(self, frames: Iterable[Shown]) -> Iterator[Seen]:
        """What is seen in each frame, in order."""
        for number, shown in enumerate(frames):
            with self._clock("decode"):
                pixels, thumbnail = shown.pixels(LONGEST_SIDE), shown.thumbnail(shots.WIDTH, shots.HEIGHT)
            cut = self._cuts(thumbnail)
            if cut:
                self._face, self._next_look = None, number
            with self._clock("faces"):
                cut = self._follow(number, pixels) or cut
            verdict = "no face" if self._face is None else "two faces" if self._others else ""
            yield Seen(number, verdict, cut, self._face, pixels, shown.size)

    def _follow(self, number: int, pixels: Pixels) -> bool:
        """Moves on to a frame; whether another face has taken the place of the one before."""
        before = self._face
        if before is not None:
            self._face = self._faces.read(pixels, before.crop)
            if self._face is None:
                self._next_look = number
        if number >= self._next_look:
            self._look(number, pixels)
        if before is None or self._face is None:
            return False
        way = np.abs(self._face.crop.centre - before.crop.centre).max()
        return bool(way > JUMP * before.crop.side)

    def _look(self, number: int, pixels: Pixels) -> None:
        found = self._faces.find(pixels)
        if self._face is None and found:
            self._face = self._faces.read(pixels, found[0].crop)  # as followed ones are read
        self._others = self._face is not None and any(is_other(face, self._face) for face in found)
        self._next_look = number + (SEEK_EVERY if self._face is None else LOOK_EVERY)


def is_other(face: Face, own: Face) -> bool:
    """Whether a face is not the own one, and large enough to be looked at."""
    return apart(face.crop, own.crop) and face.crop.side >= SEE_SECOND * own.crop.side


def stretches(seen: Iterable[Seen], shortest: int, longest: int) -> Iterator[Stretch]:
    """Runs of frames with one verdict and without a cut, the useful ones of at most `longest` frames.

    What would be over it is taken apart so that no useful run falls below `shortest` frames for its length.
    """
    now: Stretch | None = None
    for one in seen:
        if now is not None and (one.cut or one.verdict != now.verdict):
            now.cut_behind = one.cut
            yield from halves(now, longest)
            now = None
        if now is None:
            now = Stretch(one.number, one.verdict, one.pixels, one.size, cut_before=one.cut)
        elif not now.verdict and now.count == longest + shortest:
            yield part(now, 0, longest)
            now = part(now, longest, now.count)
        now.count += 1
        if not one.verdict:
            now.faces.append(in_video(one.face, one.size[0] / one.pixels.shape[1]))
    if now is not None:
        yield from halves(now, longest)


def halves(stretch: Stretch, longest: int) -> list[Stretch]:
    """The stretch, or where it is useful and over `longest` frames, its two halves."""
    if stretch.verdict or stretch.count <= longest:
        return [stretch]
    middle = stretch.count // 2
    return [part(stretch, 0, middle), part(stretch, middle, stretch.count)]


def part(stretch: Stretch, begin: int, end: int) -> Stretch:
    """The frames from `begin` to before `end` of a useful stretch."""
    return dataclasses.replace(
        stretch,
        first=stretch.first + begin,
        count=end - begin,
        faces=stretch.faces[begin:end],
        cut_before=stretch.cut_before and begin == 0,
        cut_behind=stretch.cut_behind and end == stretch.count,
    )


def in_video(face: Face, zoom: float) -> Face:
    """A face that was read in a copy of the frame, in the pixels of the video, which are `zoom` times as many."""
    return Face(face.points * zoom, face.eyes * zoom, face.score)
