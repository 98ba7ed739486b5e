"""A portrait speaking, made while it is taken: speech is heard and motion sampled ahead, frames are drawn behind it.

    sound --blocks--> features --segments--> motion ==queue==> decoder --batches--> frames ==queue==> whoever takes them

Each stage runs in a thread of its own, and the queues are short, so that stages overlap and a clip of any length needs
the same memory.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import TypeVar

import numpy as np

from vasa_jax.inference.ahead import Ahead
from vasa_jax.inference.device_memory import told_when_full
from vasa_jax.provenance.record import Record

SEGMENTS_AHEAD, BATCHES_AHEAD = 1, 4

Item = TypeVar("Item")
Seconds = dict[str, float]
Progress = Callable[[str, int, int], None]  # part, done and total


class Performance:
    """Iterates once over uint8 frames (S, S, 3); a context that ends its threads.

    Attributes:
      count: frames in all.
      record: of the run, which the mark in the frames names.
      seconds: that each part took up to now; parts run at the same time.
    """

    def __init__(
        self,
        sample: Callable[[], Iterator[np.ndarray]],
        draw: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]],
        count: int,
        record: Record,
        seconds: Seconds,
    ):
        """Args: sample: begins parts of motion; draw: makes batches of frames (n, S, S, 3) of them."""
        self._sample, self._draw, self._threads = sample, draw, ExitStack()
        self.count, self.record, self.seconds = count, record, seconds

    def __enter__(self) -> "Performance":
        motions = self._threads.enter_context(Ahead(self._sample(), SEGMENTS_AHEAD, "sample"))
        self._batches = self._threads.enter_context(Ahead(self._draw(motions), BATCHES_AHEAD, "decode"))
        return self

    def __iter__(self) -> Iterator[np.ndarray]:
        with told_when_full():
            for batch in self._batches:
                yield from batch

    def __exit__(self, *_: object) -> None:
        self._threads.close()


def timed(items: Iterable[Item], seconds: Seconds, part: str, sign: int = 1) -> Iterator[Item]:
    """The items; the time that they take is added to a part, or with a sign of -1 taken from the part that waits for
    them."""
    items = iter(items)
    while True:
        start = time.perf_counter()
        try:
            item = next(items)
        except StopIteration:
            return
        finally:
            seconds[part] += sign * (time.perf_counter() - start)
        yield item


def told(batches: Iterable[np.ndarray], progress: Progress, part: str, total: int) -> Iterator[np.ndarray]:
    """The batches; tells how much of the total is done."""
    done = 0
    for batch in batches:
        if not done:
            progress(part, 0, total)
        done += len(batch)
        progress(part, done, total)
        yield batch


def one_at_a_time(progress: Progress) -> Progress:
    """The same for several threads."""
    lock = threading.Lock()

    def call(part: str, done: int, total: int) -> None:
        with lock:
            progress(part, done, total)

    return call
