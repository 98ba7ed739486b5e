"""The live streams of a server: so many at a time and no more."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vasa_jax.inference.animator import Animator
from vasa_jax.inference.video_file import default_size
from vasa_jax.provenance.label import Label
from vasa_jax.provenance.manifest import describe
from vasa_jax.serve.limits import Limits, Refused
from vasa_jax.serve.live.speaker import Speaker
from vasa_jax.serve.warming import Warming
from vasa_jax.serve.wishes import CHANGES, Wishes, controls
from vasa_jax.types import FPS

COMMANDS = ("rest", "interrupt", "finish")
MAX_REST = 10.0


class Streams:
    """Opens them.

    Args:
      counted: called with how a stream ended and its number of frames.
      warming: waited for by streams that begin.
    """

    def __init__(
        self, animator: Animator, label: Label, limits: Limits, counted: Callable[[str, int], None], warming: Warming
    ):
        self.limits, self._warming = limits, warming
        self._animator, self._label, self._counted = animator, label, counted
        self._open, self._lock = 0, threading.Lock()
        self._speakers: set[Speaker] = set()

    @property
    def open(self) -> int:
        """How many are open."""
        return self._open

    def check_room(self) -> None:
        """Refused (503) if there is no place."""
        if self._open >= self.limits.streams:
            raise Refused(503, f"{self._open} streams are open, which is all there can be; try again", retry_after=10)

    async def begin(self, portrait: np.ndarray, wishes: Wishes, keeps_up: bool) -> Speaker:
        """A speaker that is ready to be fed.

        Raises:
          Refused: no place, or portrait or controls cannot be used.
        """
        with self._lock:
            self.check_room()
            self._open += 1

        def ended(how: str, frames: int) -> None:
            with self._lock:
                self._open -= 1
            self._counted(how, frames)

        def begin() -> Any:
            self._warming.wait()
            ahead = self.limits.ahead_seconds
            return self._animator.stream(portrait, crop=wishes.crop, max_ahead=ahead, **wishes.controls)

        size = default_size(self._animator.image_size)
        speaker = Speaker(begin, size, self._label, self.limits, keeps_up, ended)
        self._speakers.add(speaker)
        try:
            if not await speaker.began.take():
                raise Refused(422, speaker.error or "the stream was closed")
        except BaseException:
            self.end(speaker)
            raise
        return speaker

    def end(self, speaker: Speaker) -> None:
        """Close it, if it is not yet."""
        speaker.close()
        self._speakers.discard(speaker)

    def close(self) -> None:
        """End all."""
        for speaker in list(self._speakers):
            self.end(speaker)

    def describe(self, speaker: Speaker, wishes: Wishes) -> dict[str, Any]:
        """What a client is told when its stream begins."""
        record = speaker.stream.record.agreed(wishes.consent)
        marks = {**describe(record, self._label.words), "manifest": "none: a stream that runs cannot be signed"}
        told = {"size": speaker.size, "fps": FPS, "delay": speaker.stream.delay}
        return {**told, "notes": speaker.notes, "marks": marks}


def tell(speaker: Speaker, message: Mapping[str, Any]) -> None:
    """What a client says while it streams: one of COMMANDS, or new values of CHANGES.

    Raises:
      Refused: anything else.
    """
    command = next((name for name in COMMANDS if name in message), None)
    if command is None:
        speaker.tell("change", **controls(message, CHANGES))
    elif command == "rest":
        speaker.tell("rest", _seconds(message["rest"]))
    elif message[command]:
        speaker.tell(command)


def _seconds(value: Any) -> float:
    if isinstance(value, int | float) and 0 <= value <= MAX_REST:
        return float(value)
    raise Refused(422, f"a rest lasts from 0 to {MAX_REST:g} s")
