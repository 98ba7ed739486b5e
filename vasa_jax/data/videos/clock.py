"""Where the processor's time goes."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class Clock:
    """Seconds of processor time by the kind of work, of all threads of this process."""

    def __init__(self):
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside = 0.0

    @contextlib.contextmanager
    def __call__(self, work: str) -> Iterator[None]:
        """Around a piece of work; what a piece within it takes is counted there alone."""
        outer, self._inside, start = self._inside, 0.0, time.process_time()
        try:
            yield
        finally:
            spent = time.process_time() - start
            self.seconds[work] += spent - self._inside
            self._inside = outer + spent

    def each(self, work: str, items: Iterable[Item]) -> Iterator[Item]:
        """The items, and what it takes to bring them counted."""
        iterator = iter(items)
        while True:
            with self(work):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
