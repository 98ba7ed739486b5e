"""From a thread that makes things to a coroutine that sends them: so many in between, and the thread waits."""

import asyncio
import threading
import time
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Pipe(Generic[Item]):
    """Made within the event loop whose coroutines take from it.

    Args:
      room: things that may lie in it.
    """

    def __init__(self, room: int):
        self._loop = asyncio.get_running_loop()
        self._room, self._items = room, deque[Item]()
        self._changed, self._arrived = threading.Condition(), asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)

    def put(self, item: Item, seconds: float) -> bool:
        """False if it was closed; TimeoutError if there was no room for so long."""
        ends = time.monotonic() + seconds
        with self._changed:
            while len(self._items) >= self._room and not self._closed:
                if not self._changed.wait(ends - time.monotonic()):
                    raise TimeoutError
            if self._closed:
                return False
            self._items.append(item)
        self._wake()
        return True

    async def take(self) -> Item | None:
        """The next thing; None once it is closed and empty."""
        while True:
            with self._changed:
                if self._items:
                    self._changed.notify_all()
                    return self._items.popleft()
                if self._closed:
                    return None
                self._arrived.clear()
            await self._arrived.wait()

    def empty(self) -> None:
        """Drop what lies in it."""
        with self._changed:
            self._items.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing goes in any more; what is in it can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._wake()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:  # the loop has ended, nobody waits
            pass
