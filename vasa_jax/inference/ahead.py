"""Work that runs ahead of who takes it: an iterator in a thread of its own, at most a few items in front.

Stages of a pipeline are iterators over each other; with an `Ahead` between two of them they overlap, and what lies
between them is bounded. Leaving its context ends the thread, whatever the reason was.
"""

import threading
from collections.abc import Iterator
from contextlib import closing
from queue import Queue
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
END = object()


class Ahead(Generic[Item]):
    """Iterates over what a generator gives, which its own thread computes; a context that waits for the thread's end.

    An error of the generator is raised where its items are taken. On leaving, the item at hand is finished, no other is
    begun, and the generator is closed in its thread.
    """

    def __init__(self, items: Iterator[Item], most: int, name: str):
        """Args: most: items that may wait, from 1; name: of the thread."""
        self._items, self._queue = items, Queue(most)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Ahead[Item]":
        return self

    def __iter__(self) -> "Ahead[Item]":
        return self

    def __next__(self) -> Item:
        if self._stopped.is_set():
            raise StopIteration
        item, error = self._queue.get()
        if item is END:
            self.close()
            raise error or StopIteration
        return item

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread and wait for it."""
        self._stopped.set()
        while not self._queue.empty():  # a thread that waits for room goes on, and finds that it is to stop
            self._queue.get_nowait()
        self._thread.join()

    def _run(self) -> None:
        error = None
        try:
            with closing(self._items) as items:
                for item in items:
                    self._put(item)
                    if self._stopped.is_set():
                        break
        except BaseException as caught:
            error = caught
        self._put(END, error)

    def _put(self, item: Any, error: BaseException | None = None) -> None:
        if not self._stopped.is_set():
            self._queue.put((item, error))
