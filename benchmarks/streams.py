"""Live streams under the clock of their sound: how long after its sound a frame is there."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vasa_jax.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Run:
    """Of one or several streams.

    Attributes:
      late: seconds from when the last sound that a frame needs was spoken to when it was there, each frame after the
        first.
      first: the same of the first frame of each stream.
      between: seconds from a frame to the next.
      seconds: from the first sound to the last frame of all streams.
      frames: of all streams.
    """

    late: Sequence[float]
    first: Sequence[float]
    between: Sequence[float]
    seconds: float
    frames: int


def at_once(animator: Any, portrait: np.ndarray, sound: np.ndarray, count: int, **controls: Any) -> Run:
    """Streams that are given all their sound, and frames taken as fast as they come."""
    return _together(animator, portrait, sound, count, controls, paced=False)


def live(animator: Any, portrait: np.ndarray, sound: np.ndarray, count: int, **controls: Any) -> Run:
    """Streams whose sound (n,) at 16 kHz comes a frame of it at a time, as it is spoken."""
    return _together(animator, portrait, sound, count, controls, paced=True)


def _together(
    animator: Any, portrait: np.ndarray, sound: np.ndarray, count: int, controls: dict[str, Any], paced: bool
) -> Run:
    streams = [animator.stream(portrait, crop=False, **controls) for _ in range(count)]
    begin, times = time.perf_counter() + 0.1, [[] for _ in streams]
    threads = [
        threading.Thread(target=_follow, args=(stream, sound, begin, paced, found))
        for stream, found in zip(streams, times, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    needed = [np.arange(len(found)) / FPS + stream.delay for stream, found in zip(streams, times, strict=True)]
    needed = [np.minimum(due, len(sound) / SAMPLE_RATE) for due in needed]
    late = [np.array(found) - due for found, due in zip(times, needed, strict=True)]
    return Run(
        np.concatenate([one[1:] for one in late]), [one[0] for one in late],
        np.concatenate([np.diff(found) for found in times]),
        max(found[-1] for found in times), sum(map(len, times)),
    )  # fmt: skip


def _follow(stream: Any, sound: np.ndarray, begin: float, paced: bool, times: list[float]) -> None:
    """Feed a stream and note when its frames are there, in seconds since `begin`."""
    time.sleep(max(begin - time.perf_counter(), 0))
    step = SAMPLES_PER_FRAME if paced else len(sound)
    for start in range(0, len(sound), step):
        spoken = begin + min(start + step, len(sound)) / SAMPLE_RATE
        if paced:
            time.sleep(max(spoken - time.perf_counter(), 0))
        stream.feed(sound[start : start + step], SAMPLE_RATE)
        times.extend(time.perf_counter() - begin for _ in stream.ready())
    stream.finish()
    times.extend(time.perf_counter() - begin for _ in stream.ready())


def percentiles(values: Sequence[float]) -> list[float]:
    """In milliseconds, of PERCENTILES."""
    return [1e3 * float(value) for value in np.percentile(np.asarray(values), PERCENTILES)]
