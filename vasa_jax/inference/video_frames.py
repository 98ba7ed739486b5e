"""Frames of any video, 25 a second by their time stamps, one at a time: the nearest in time, for what was taken at
30 a second and shown until the next picture is, on the mean, half a picture old.

What phones, cameras and editors bring along is settled here: rotation, pixels that are not square, interlaced lines,
more than 8 bits, any and varying frame rates. Nothing but the frame at hand is kept, so that a long video needs no more
memory than a short one.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from vasa_jax.errors import UserError
from vasa_jax.types import FPS

MAX_STILL_SECONDS = 10.0
EARLY = 1e-3  # seconds by which a time stamp may be rounded up

Timed = tuple[float, Any]


@dataclass(frozen=True)
class Shown:
    """What is on the screen for a 25th of a second.

    Attributes:
      frame: as FFmpeg decoded it, turned and stretched as it was stored.
      pixel_ratio: the width of a pixel over its height.
    """

    frame: Any
    pixel_ratio: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as people see it, before any shrinking."""
        width, height = max(round(self.frame.width * self.pixel_ratio), 1), self.frame.height
        return (height, width) if self._quarters % 2 else (width, height)

    def pixels(self, longest: int | None = None) -> UInt8[np.ndarray, "height width 3"]:
        """RGB, upright; shrunk so that no side is over `longest`."""
        width, height = max(round(self.frame.width * self.pixel_ratio), 1), self.frame.height
        zoom = min(1.0, longest / max(width, height)) if longest else 1.0
        width, height = max(round(zoom * width), 1), max(round(zoom * height), 1)
        if (width, height) == (self.frame.width, self.frame.height):
            pixels = self.frame.to_ndarray(format="rgb24")
        else:
            pixels = self._resized(width, height)
        return np.ascontiguousarray(np.rot90(pixels, self._quarters))

    def thumbnail(self, width: int, height: int) -> UInt8[np.ndarray, "{height} {width} 3"]:
        """A tiny copy, stretched and not turned."""
        return self._resized(width, height)

    def _resized(self, width: int, height: int) -> np.ndarray:
        """By the one interpolation of FFmpeg's that neither blurs nor aliases what is shrunk."""
        return self.frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")

    @property
    def _quarters(self) -> int:
        return round(getattr(self.frame, "rotation", 0) / 90)


def read_header(path: Path) -> tuple[float, int]:
    """When the first frame is shown, in seconds on the file's clock, and about how many frames there are at 25 fps;
    0 if the file does not say.

    Raises:
      UserError: the file is no video.
    """
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


def shown_frames(path: Path) -> Iterator[Shown]:
    """The frames of a video that are nearest to each 25th of a second, from its first frame on.

    Raises:
      UserError: the file turns out to be damaged, when the frames reach that place.
    """
    import av

    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            interval = float(1 / (stream.average_rate or stream.guessed_rate or FPS))
            ratio = float(stream.sample_aspect_ratio or 1)
            decoded = whole_frames(container.decode(stream), stream)
            for frame in at_frame_rate(_timed(decoded, interval), interval):
                yield Shown(frame, ratio)
    except UserError as error:
        raise UserError(f"{error}: {path}") from error
    except (av.FFmpegError, IndexError, ValueError, OSError) as error:
        raise UserError(f"the video is damaged: {path}") from error


def at_frame_rate(timed: Iterable[Timed], interval: float) -> Iterator[Any]:
    """The frames nearest to the times k / 25, from the first frame on.

    A frame is never taken earlier than half an interval, nor a 25th of a second, before its time: where a file leaves
    out what does not change, the frame before holds until then.

    Args:
      timed: seconds that rise, and the frame that is shown from then on.
      interval: from frame to frame as a rule, and how long the last one is shown, in seconds.

    Raises:
      UserError: the time stamps stand still for longer than MAX_STILL_SECONDS, which is a mistake in the file.
    """
    start = end = shown = None
    count = 0
    for time, frame in timed:
        start = time if start is None else start
        if end is not None and time - end > MAX_STILL_SECONDS:
            raise UserError(f"the time stamps of the video jump by {time - end:.0f} s after {end - start:.1f} s")
        gap = interval if end is None else min(time - end, interval, 2 / FPS)
        early = max(gap / 2 - EARLY, EARLY)  # halfway between two it is the one before
        while shown is not None and count / FPS < time - start - early:
            yield shown
            count += 1
        end, shown = time, frame
    while shown is not None and count / FPS < end - start + interval - EARLY:
        yield shown
        count += 1


def whole_frames(frames: Iterable[Any], stream: Any) -> Iterator[Any]:
    """Frames of a stream, with the lines that interlacing leaves out drawn in between their neighbours (FFmpeg's
    yadif); a video whose first frame is progressive passes untouched."""
    import av

    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        return
    if not first.interlaced_frame:
        yield from itertools.chain([first], frames)
        return
    graph = av.filter.Graph()
    source = graph.add_buffer(template=stream, time_base=stream.time_base)
    graph.link_nodes(source, graph.add("yadif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    for frame in itertools.chain([first], frames, [None]):  # None: there are no more
        graph.push(frame)
        yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[Any]:
    import av

    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return


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
