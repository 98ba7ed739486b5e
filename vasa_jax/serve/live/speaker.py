"""A stream, and the thread that owns it: sound and wishes go in from anywhere, frames come out of a pipe."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.inference.stream import HOP, Stream
from vasa_jax.provenance.label import SECONDS, Label, draw, resized
from vasa_jax.serve.limits import Limits
from vasa_jax.serve.live.delays import Delays
from vasa_jax.serve.live.pipe import Pipe
from vasa_jax.serve.videos import noted
from vasa_jax.types import FPS

FRAMES_AHEAD = 2 * HOP
WAIT = 0.02  # seconds between looks at what came in
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """A frame to be sent.

    Attributes:
      index: from 0, without gaps.
      image: uint8 (size, size, 3), marked and labelled.
      sound: (640,) float32 at 16 kHz.
      came: when its sound came in, on the monotonic clock; None for the silence that the server adds by itself.
    """

    index: int
    image: np.ndarray
    sound: np.ndarray
    came: float | None


class Speaker:
    """Made within the event loop; `begin` runs in the thread.

    Args:
      begin: makes the stream.
      size: side of the frames that are sent.
      label: drawn on every frame.
      keeps_up: the sound comes from a microphone: what waits for longer than `Limits.behind_seconds` is left out.
      ended: called from the thread with how it ended ("done" or "failed") and the number of frames.
    """

    def __init__(
        self, begin: Callable[[], Stream], size: int, label: Label, limits: Limits, keeps_up: bool,
        ended: Callable[[str, int], None],
    ):  # fmt: skip
        self.notes: list[str] = []
        self.error: str | None = None
        self.left_out = 0.0
        self.stream: Stream | None = None
        self.size = size
        self.frames: Pipe[Shown] = Pipe(FRAMES_AHEAD)
        self._begin, self._label, self._limits = begin, label, limits
        self._keeps_up, self._ended = keeps_up, ended
        self._inbox: deque[tuple[str, tuple[Any, ...], dict[str, Any]]] = deque()
        self._inbox_seconds, self._count = 0.0, 0
        self._lock, self._closed = threading.Lock(), threading.Event()
        self.began: Pipe[bool] = Pipe(1)
        self._thread = threading.Thread(target=self._run, name="speaker", daemon=True)
        self._thread.start()

    def feed(self, samples: np.ndarray, rate: int) -> None:
        """Sound as for `Stream.feed`; UserError if too much waits."""
        with self._lock:
            if self._inbox_seconds > self._limits.ahead_seconds:
                raise UserError(f"more than {self._limits.ahead_seconds:g} s of sound wait; send it more slowly")
            self._inbox_seconds += len(samples) / rate
            self._inbox.append(("feed", (samples, rate), {}))

    def tell(self, what: str, *values: Any, **controls: Any) -> None:
        """One of the stream's methods rest, change, interrupt and finish, to be called by its thread."""
        if what == "interrupt":
            self.frames.empty()
        with self._lock:
            self._inbox.append((what, values, controls))

    def close(self) -> None:
        """End it, soon."""
        self._closed.set()
        self.frames.close()

    def _run(self) -> None:
        state = "done"
        try:
            with noted(self.notes):
                self.stream = stream = self._begin()
            self._delays = Delays(stream.delay - HOP / FPS)
            self.began.put(True, 1.0)
            self._speak(stream)
        except (UserError, TimeoutError) as error:
            self.error, state = str(error) or "the client does not take its frames", "failed"
        except Exception:
            log.exception("a live stream failed")
            self.error, state = "something went wrong here; the server's log says what", "failed"
        finally:
            self.began.close()
            self.frames.close()
            self._ended(state, self._count)

    def _speak(self, stream: Stream) -> None:
        ends = time.monotonic() + self._limits.stream_seconds
        finished = False
        while not finished and not self._closed.wait(WAIT):
            finished = self._do(stream)
            for frame in stream.ready():
                if not self.frames.put(self._shown(frame), self._limits.stuck_seconds):
                    return
                finished = self._do(stream) or finished
            if time.monotonic() > ends:
                raise UserError(f"a stream lasts {self._limits.stream_seconds:g} s at most; begin another one")

    def _do(self, stream: Stream) -> bool:
        """What was told since; whether that was the end."""
        finished = False
        while True:
            with self._lock:
                if not self._inbox:
                    break
                what, values, controls = self._inbox.popleft()
                seconds = len(values[0]) / values[1] if what == "feed" else values[0] if what == "rest" else 0.0
                self._inbox_seconds -= seconds if what == "feed" else 0.0
            getattr(stream, what)(*values, **controls)
            if seconds:
                self._delays.heard(seconds)
            if what == "interrupt":
                self._delays.interrupted()
            finished = finished or what == "finish"
        if self._keeps_up and stream.waiting > self._limits.behind_seconds:
            self.left_out += stream.waiting
            stream.interrupt()
            self._delays.interrupted()
        return finished

    def _shown(self, frame: Any) -> Shown:
        words = self._count < SECONDS * FPS
        image = resized(frame.image, (self.size, self.size))
        if self._label.is_shown:
            image = draw(image, self._label, words=words)
        shown = Shown(self._count, image, frame.sound, self._delays.came(frame.index))
        self._count += 1
        return shown
