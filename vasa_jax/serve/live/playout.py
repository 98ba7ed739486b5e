"""Frames and their sound at the pace of a clock, onto two tracks that a browser plays in step.

A receiver lines picture and sound up by when packets were sent, so both halves of a moment leave at the same time, and
neither waits on its way: what a sender has not taken soon is left out, its time stamp with it. What comes too late
stops the clock for both; where frames lie ready after that, it runs a little faster until they do not.
"""

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Generic, TypeVar

import av
import numpy as np
from aiortc import MediaStreamTrack

from vasa_jax.inference.stream import HOP
from vasa_jax.serve.live.speaker import Shown, Speaker
from vasa_jax.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

VIDEO_CLOCK = 90_000
PARTS = 2  # of a frame's sound: the codec takes 20 ms at a time
LATE = 0.01  # seconds that are made up by sending at once
HASTE = 0.95  # of a frame's duration, while there are more of them than a hop
WAITING = 0.08  # seconds of either that may lie in its track
Media = TypeVar("Media", av.VideoFrame, av.AudioFrame)


class Track(MediaStreamTrack, Generic[Media]):
    """What is given to it, as it comes."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        self._queue: asyncio.Queue[Media] = asyncio.Queue(round(WAITING * FPS * (PARTS if kind == "audio" else 1)))

    def give(self, media: Media) -> None:
        """In the place of the oldest, where those before it were not taken."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(media)

    async def recv(self) -> Media:
        return await self._queue.get()


async def play(speaker: Speaker, video: Track, audio: Track, told: Callable[[float | None], None]) -> None:
    """From the speaker to the tracks until it ends; `told` is called with the delay of each frame in seconds."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while (shown := await speaker.frames.take()) is not None:
        now = loop.time()
        due = max(due, now - LATE)
        await asyncio.sleep(due - now)
        told(None if shown.came is None else time.monotonic() - shown.came)
        duration = (HASTE if len(speaker.frames) > HOP else 1.0) / FPS
        video.give(_picture(shown))
        for part in range(PARTS):
            if part:
                await asyncio.sleep(due + part * duration / PARTS - loop.time())
            audio.give(_sound(shown, part))
        due += duration


def _picture(shown: Shown) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown.image), format="rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = shown.index * VIDEO_CLOCK // FPS, Fraction(1, VIDEO_CLOCK)
    return frame


def _sound(shown: Shown, part: int) -> av.AudioFrame:
    count = SAMPLES_PER_FRAME // PARTS
    samples = np.round(shown.sound[part * count : (part + 1) * count] * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
    frame.pts = shown.index * SAMPLES_PER_FRAME + part * count
    return frame
