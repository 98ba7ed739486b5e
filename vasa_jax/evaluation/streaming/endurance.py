"""A long stream, minute by minute: memory, the time that frames take, and whether the lips stay with the sound."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
from jaxtyping import Float

from vasa_jax.evaluation.readouts import Readouts
from vasa_jax.evaluation.signals import correlation_at, head_motion
from vasa_jax.inference.stream import Stream
from vasa_jax.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

MINUTE = 60 * FPS
LARGEST_SHIFT = 5  # frames, within which the lips are looked for


@dataclass(frozen=True)
class Minute:
    """A minute of a stream.

    Attributes:
      memory: bytes that the process holds at its end.
      milliseconds: (p50, p95, p99) from the moment that the sound of a hop was in to its frames, for each hop.
      lips: (T,) opening in each of its frames.
      head_motion: dP, degrees a frame.
      amplitude: root mean square of the standardised motion.
    """

    memory: int
    milliseconds: tuple[float, float, float]
    lips: np.ndarray
    head_motion: float
    amplitude: float


def endure(
    stream: Stream, sound: Float[np.ndarray, " samples"], minutes: int, hop: int, readouts: Readouts,
    progress: Callable[[str, int, int], None],
) -> list[Minute]:  # fmt: skip
    """Feed the sound (16 kHz, whole frames), over and over, a hop at a time, as fast as frames are made."""
    process, watched = psutil.Process(), []
    place, total = 0, len(sound) // SAMPLES_PER_FRAME
    took, motions = [], []
    while len(watched) < minutes:
        frames = (place + np.arange(hop)) % total
        stream.feed(sound.reshape(total, -1)[frames].reshape(-1), SAMPLE_RATE)
        place += hop
        start = time.perf_counter()
        made = [frame.motion for frame in stream.ready()]
        if made:
            took.append(1000 * (time.perf_counter() - start))
            motions += made
        if len(motions) >= MINUTE:
            motion, motions = np.stack(motions[:MINUTE]), motions[MINUTE:]
            watched.append(_minute(process.memory_info().rss, took, motion, readouts))
            took = []
            progress("stream", len(watched), minutes)
    return watched


def _minute(memory: int, took: list[float], motion: np.ndarray, readouts: Readouts) -> Minute:
    return Minute(
        memory=memory,
        milliseconds=tuple(float(value) for value in np.percentile(took, (50, 95, 99))),
        lips=readouts.lip_opening(motion),
        head_motion=head_motion(readouts.head_angles(motion)),
        amplitude=float(np.sqrt((motion**2).mean())),
    )


def drift_of_lips(watched: list[Minute], period: int) -> int:
    """Frames by which the lips of the last minute lag behind those of the first, where `period` frames of sound repeat.

    The mean opening at each place of the sound is compared, minute with minute.
    """
    first, last = (_by_place(watched[i].lips, i * MINUTE, period) for i in (0, len(watched) - 1))
    shifts = range(-LARGEST_SHIFT, LARGEST_SHIFT + 1)
    return max(shifts, key=lambda shift: correlation_at(last, first, shift))


def _by_place(lips: np.ndarray, start: int, period: int) -> np.ndarray:
    """(period,) mean opening at each place of the sound."""
    places = (start + np.arange(len(lips))) % period
    return np.bincount(places, lips, period) / np.maximum(np.bincount(places, minlength=period), 1)
