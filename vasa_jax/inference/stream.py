"""A portrait that speaks as the sound comes in: audio of any size is fed, frames are taken as they can be made.

    feed --16 kHz--> SoundQueue --hop frames--> ear --features--> planner --motion--> decoder --> Frame

Nothing runs in the background and nothing is made before it is asked for: a reader who is slow holds the stream back
by itself, and all that piles up is sound, of which the queue keeps so much and no more. A frame can be made `delay`
seconds after its sound began: the ear's look-ahead, a hop, and as much more as the planner is to know, not a window.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from vasa_jax.errors import UserError
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.device_memory import told_when_full
from vasa_jax.inference.face_programs import FacePrograms
from vasa_jax.inference.sound_queue import SoundQueue
from vasa_jax.inference.stream_programs import StreamPrograms
from vasa_jax.inference.touches import Touches
from vasa_jax.provenance.mark.writer import Mark
from vasa_jax.provenance.record import Record
from vasa_jax.types import FPS, POSE_SIZE, SAMPLES_PER_FRAME, Appearance

HOP = 5  # frames; fewer come sooner and cost more
MAX_AHEAD = 60.0  # seconds
CHANGEABLE = ("gaze", "distance", "emotion")


@dataclass(frozen=True)
class Frame:
    """A frame and the sound during it.

    Attributes:
      index: from 0.
      image: (S, S, 3) RGB, with the run's mark.
      sound: (640,) mono at 16 kHz, in [-1, 1].
      motion: (M,) that it shows, standardised.
    """

    index: int
    image: UInt8[np.ndarray, "size size 3"]
    sound: Float32[np.ndarray, " samples"]
    motion: Float32[np.ndarray, " motion"]

    @property
    def seconds(self) -> float:
        """When it begins, on the clock of the sound that was fed."""
        return self.index / FPS


@dataclass(frozen=True)
class Shown:
    """Whom a stream shows, and how.

    Attributes:
      appearance: of the portrait.
      pose: None as speech makes it, or the standardised head pose (1, 7) that is held.
      touches: what is changed of the motion before it is drawn.
      record: of the run, which its mark names.
      mark: put into each frame.
    """

    appearance: Appearance
    pose: np.ndarray | None
    touches: Touches
    record: Record
    mark: Mark


class Stream:
    """Made by `Animator.stream`. One thread at a time may use it; the programs are compiled when it is made.

    Args:
      programs, face: of the animator.
      shown: portrait and mark.
      controls: as `StreamPrograms.controls` gives them.
      hop: frames that are made at once.
      look_ahead: frames behind these whose speech is heard before, whole hops.
      max_ahead: seconds of sound that may wait to be shown.
    """

    def __init__(
        self,
        programs: StreamPrograms,
        face: FacePrograms,
        shown: Shown,
        controls: Controls,
        hop: int = HOP,
        look_ahead: int = 0,
        max_ahead: float | int = MAX_AHEAD,
    ):
        programs.check(controls, hop, look_ahead)
        self._programs, self._face, self._shown = programs, face, shown
        self._hop, self._look_ahead = hop, look_ahead
        self._controls, self._wishes = controls, programs.wishes(controls)
        self._queue = SoundQueue(max_ahead)
        self._sound: np.ndarray | None = None  # that the ear has heard and no frame has shown; None before it listens
        self._index, self._end = 0, None
        self._made: deque[Frame] = deque()  # of the last hop, not taken yet
        self._compile()

    @property
    def record(self) -> Record:
        """Of the run."""
        return self._shown.record

    @property
    def controls(self) -> Controls:
        """Those of the next frames that are made."""
        return self._controls

    @property
    def delay(self) -> float:
        """Seconds of sound from the beginning of a frame on that must be in before it can be made, at most."""
        return (self._programs.ear.look_ahead + self._look_ahead + self._hop) / FPS

    @property
    def waiting(self) -> float:
        """Seconds of sound that wait to be shown."""
        return self._queue.seconds

    def feed(self, samples: np.ndarray, sample_rate: int) -> None:
        """Put sound at the end: (n,) or (n, channels), n from 0 on, float in [-1, 1] or integers, 8 to 192 kHz.

        Raises:
          UserError: no audio, NaN, another rate than before, or the stream was finished.
          StreamFull: more than `max_ahead` seconds wait.
        """
        self._check_open()
        self._queue.add(samples, sample_rate)

    def rest(self, seconds: float | int) -> None:
        """Put silence at the end, in which the head idles. Raises as `feed` does."""
        self._check_open()
        self._queue.rest(seconds)

    def ready(self) -> Iterator[Frame]:
        """The frames that can be made now, made as they are taken, a hop at a time."""
        while True:
            while self._made:
                yield self._made.popleft()
            sound = self._next_sound()
            if sound is None:
                return
            self._make(sound)

    def change(self, **controls: Any) -> None:
        """Another gaze, distance or emotion, from the next frames on that are made.

        Raises:
          UserError: a value out of range, or a control that is fixed when a stream begins.
        """
        if fixed := controls.keys() - set(CHANGEABLE):
            raise UserError(f"a stream can change {', '.join(CHANGEABLE)}, not {', '.join(sorted(fixed))}")
        self._controls = replace(self._controls, **controls)
        self._wishes = self._programs.wishes(self._controls)
        self._planner.plan_anew()

    def interrupt(self) -> None:
        """Drop the sound that no frame has shown; the head falls silent."""
        self._queue.clear()
        self._made.clear()
        if self._sound is not None:
            self._sound = np.zeros_like(self._sound)
            hops, before = len(self._ears), [*self._ears, self._ear][0]
            self._ear = self._programs.ear.forget(before)
            self._planner.forget()
            self._ears.clear()
            with told_when_full():
                for _ in range(hops):
                    self._hear(self._silence)

    def finish(self) -> None:
        """No more sound comes: what was fed comes out to its last frame, and then `ready` gives nothing any more."""
        if self._end is None:
            self._queue.end()
            self._end = self._queue.added // SAMPLES_PER_FRAME
            whole = -(-self._end // self._hop) * self._hop
            self._queue.pad(self._programs.ear.look_ahead + self._look_ahead + whole - self._end)

    def _check_open(self) -> None:
        if self._end is not None:
            raise UserError("the stream is finished: begin another one")

    def _next_sound(self) -> np.ndarray | None:
        """The sound of the next hop that the ear hears, None where it is not there yet."""
        if self._sound is None:
            first = self._queue.take(self._programs.ear.look_ahead)
            if first is None:
                return None
            self._sound = first
            self._begin(first)
        return self._queue.take(self._hop)

    def _begin(self, first: np.ndarray) -> None:
        """The ear has heard this sound, and nothing has moved."""
        self._ear, self._planner = self._programs.ear.beginning(first), self._programs.planner()
        self._ears: deque[Any] = deque()  # its states before each hop that was heard and is not shown

    def _make(self, heard: np.ndarray) -> None:
        """The next frames, for which this sound has arrived, or none while the stream begins to look ahead."""
        self._sound = np.concatenate([self._sound, heard])
        with told_when_full():
            self._hear(heard)
            if len(self._ears) * self._hop <= self._look_ahead:
                return
            images, motion = self._images()
        self._ears.popleft()
        shown, self._sound = self._sound[: len(heard)].reshape(self._hop, -1), self._sound[len(heard) :]
        first, self._index = self._index, self._index + self._hop
        made = map(Frame, range(first, self._index), images, shown, motion)
        self._made.extend(frame for frame in made if self._end is None or frame.index < self._end)

    def _hear(self, sound: np.ndarray) -> None:
        """A hop of it; what fills up the last one was not said."""
        first = self._index + len(self._ears) * self._hop
        said = self._hop if self._end is None else max(min(self._hop, self._end - first), 0)
        self._ears.append(self._ear)
        self._ear, features = self._programs.ear.go_on(self._ear, sound)
        self._planner.hear(np.asarray(features)[:, :said])

    def _images(self) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (hop, S, S, 3), and the motion (hop, M) in them."""
        motion = self._programs.move(self._planner, self._hop, self._controls, self._wishes)
        shown = self._shown
        if shown.pose is not None:
            motion = np.concatenate([np.repeat(shown.pose, self._hop, 0), motion[:, POSE_SIZE:]], 1)
        motion = self._face.touched(motion, shown.touches)
        return self._face.decode(shown.appearance, motion, shown.mark, self._index, self._hop), motion

    def _compile(self) -> None:
        """Run each program once on silence: the first frames come as fast as the others."""
        self._begin(self._silence[:0])
        with told_when_full():
            self._hear(self._silence)
            self._images()
        self._begin(self._silence[:0])

    @property
    def _silence(self) -> np.ndarray:
        """A hop of it."""
        return np.zeros(self._hop * SAMPLES_PER_FRAME, np.float32)
