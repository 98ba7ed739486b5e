"""One portrait and one speech clip to a video: the networks, their weights, a compiled program for each part.

    portrait --crop--> square --encode--> Appearance ----------------------------\\
    speech --16 kHz--> audio --speech encoder--> features --sample--> Motion --decode--> frames
    driving frames --read motion--> Motion, or the portrait's own, edited --------/

Every program has fixed shapes, see `speech_programs` and `face_programs`. The motion that is generated replaces the
portrait's own, pose included (VASA-1, section 3.2); the crop has put the portrait near the canonical framing, so that
the generated poses fit it.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import jax
import numpy as np

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.errors import UserError
from vasa_jax.inference.controls import Controls, check_turn
from vasa_jax.inference.crop import Square, centre_square, cut_square, face_square
from vasa_jax.inference.ear import Ear
from vasa_jax.inference.exports import NO_EXPORTS, Exports, Program
from vasa_jax.inference.face_programs import BATCH, NO_TOUCHES, FacePrograms
from vasa_jax.inference.head_pose import RELATIVE, check_pose, there_and_back
from vasa_jax.inference.performance import Performance, Progress, one_at_a_time, timed, told
from vasa_jax.inference.portrait import MIN_SIDE, check_portrait
from vasa_jax.inference.sound import Sound
from vasa_jax.inference.speech_file import check_speech
from vasa_jax.inference.speech_programs import SpeechPrograms
from vasa_jax.inference.stream import HOP, MAX_AHEAD, Shown, Stream
from vasa_jax.inference.stream_programs import StreamPrograms
from vasa_jax.inference.touches import Touches
from vasa_jax.inference.video import Video
from vasa_jax.provenance.mark.writer import Mark
from vasa_jax.provenance.record import Record, new_record
from vasa_jax.types import POSE_SIZE, SAMPLE_RATE, SAMPLES_PER_FRAME, Appearance, Framing, Motion

DTYPES = ("float32", "bfloat16")
MOST_AT_ONCE = 256


class Animator:
    """Holds a checkpoint's networks and weights; `animate`, `reenact` and `edit` make pictures with them.

    Attributes:
      checkpoint: config and statistics; its `models` are the networks.
      dtype: what the face's networks compute in, "float32" or "bfloat16".
      frames_at_once: that a clip is drawn by.
      params: {"face", "motion", "speech"}, on the device.
      load_seconds: what loading took, reported with every video.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: jax.Device | None = None,
        exports: Exports = NO_EXPORTS,
        dtype: str = "float32",
        frames_at_once: int = BATCH,
    ):
        """Args: device: that computes; None for JAX's default. exports: programs that need not be traced. dtype: what
        the face's networks compute in where these do not say it. frames_at_once: see `loading.load`."""
        if dtype not in DTYPES:
            raise UserError(f"the networks compute in {' or '.join(DTYPES)}, not {dtype}")
        if not 1 <= frames_at_once <= MOST_AT_ONCE:
            raise UserError(f"1 to {MOST_AT_ONCE} frames are drawn at once, not {frames_at_once}")
        self.checkpoint, self.dtype, self.frames_at_once = checkpoint, exports.dtype or dtype, frames_at_once
        self.params = jax.device_put(checkpoint.params, device)
        self.load_seconds = 0.0
        self._face = FacePrograms(
            checkpoint.models.face, self.params["face"], checkpoint.statistics, exports, self.dtype, frames_at_once
        )
        self._ear = Ear(checkpoint.models.speech, self.params["speech"], exports)
        self._speech = SpeechPrograms(checkpoint, self.params, self._ear, exports)
        self._streams = StreamPrograms(checkpoint, self.params, self._ear, exports)

    def programs(self) -> Iterator[Program]:
        """Those that speech and streams run with the default controls, to be written down; see `exports`."""
        yield from self._face.programs((self.frames_at_once, HOP))
        yield from self._speech.programs()
        yield from self._streams.programs(HOP)

    def warm_up(self) -> float:
        """Compile the programs that speech and streams run with the default controls; returns the seconds it took.

        In a process that keeps its programs on disk, see `compile_cache`, those after it start faster too.
        """
        start = time.perf_counter()
        portrait = np.full((MIN_SIDE, MIN_SIDE, 3), 128, np.uint8)
        silence = Sound.of(np.zeros(SAMPLES_PER_FRAME, np.float32), SAMPLE_RATE)
        with self.perform(portrait, silence, crop=False) as frames:
            list(frames)
        if self.can_stream:
            self.stream(portrait, crop=False)
        return time.perf_counter() - start

    @property
    def can_stream(self) -> bool:
        """Whether the weights can, whose ear may have to hear a clip to its end."""
        return self._ear.can_stream

    @property
    def image_size(self) -> int:
        """Side of the frames in pixels."""
        return self.checkpoint.models.face.image_size

    @property
    def framing(self) -> Framing:
        """The square around a head that the face model takes."""
        return self.checkpoint.models.face.framing

    def animate(
        self,
        portrait: np.ndarray,
        speech: np.ndarray,
        sample_rate: int,
        *,
        pose: str | None = None,
        pose_from: Iterable[np.ndarray] | None = None,
        touches: Touches = NO_TOUCHES,
        crop: bool = True,
        progress: Progress | None = None,
        **controls: Any,
    ) -> Video:
        """A video of the person in the portrait speaking.

        Args:
          portrait: uint8 (H, W, 3) RGB, sides of at least 64.
          speech: (n,) or (n, channels), float in [-1, 1] or integers, at least 40 ms.
          sample_rate: of the speech in Hz, 8000 to 192000.
          pose: None as speech makes it; "fixed" holds the head as in the portrait; of `pose_from`, "absolute" (or
            None) as it is there, "relative" from the portrait's own on.
          pose_from: frames (S, S, 3) as for `reenact`, of the clip whose head pose is shown; a clip shorter than the
            speech is played there and back.
          touches: what is changed of the motion, pose included, before it is drawn; see `touches.Touches`.
          crop: find the face and frame it as in training; False takes the centred square of the portrait.
          progress: called with part ("sample" or "decode"), done and total, in windows and in frames.
          controls: seed, steps, gaze, emotion and all other fields of `controls.Controls`.

        Returns:
          Video with ceil(25 n / sample_rate) frames.

        Raises:
          UserError: one of the inputs cannot be used; the message says which and why.
        """
        speech = check_speech(speech, sample_rate)
        performance = self.perform(
            portrait, Sound.of(speech, sample_rate), pose=pose, pose_from=pose_from, touches=touches, crop=crop,
            progress=progress, **controls,
        )  # fmt: skip
        frames = np.empty((performance.count, self.image_size, self.image_size, 3), np.uint8)
        with performance:
            for index, frame in enumerate(performance):
                frames[index] = frame
        return Video(frames, speech, sample_rate, seconds=performance.seconds, record=performance.record)

    def perform(
        self,
        portrait: np.ndarray,
        speech: Sound,
        *,
        pose: str | None = None,
        pose_from: Iterable[np.ndarray] | None = None,
        touches: Touches = NO_TOUCHES,
        crop: bool = True,
        progress: Progress | None = None,
        **controls: Any,
    ) -> Performance:
        """The same frames, made as they are taken: speech of any length needs the same memory.

            with animator.perform(portrait, open_speech("hour.wav")) as frames:
                write_video("hour.mp4", frames, speech, speech.rate, fps=25, size=256, record=frames.record)

        Args:
          speech: as `speech_file.open_speech` opens it.
          the others: as for `animate`; `progress` is called from other threads, never twice at once.

        Raises:
          UserError: one of the inputs cannot be used; the message says which and why.
        """
        wanted = Controls(**controls)
        check_pose(pose, pose_from is not None)
        self._face.check_touches(touches)
        self._speech.check(wanted)
        portrait = check_portrait(portrait)
        progress = one_at_a_time(progress or _no_progress)
        seconds = {"load": self.load_seconds}
        with _timed(seconds, "crop"):
            square = self._square(portrait, crop)
        with _timed(seconds, "encode"):
            appearance, own = self._face.encode(square)
            appearance = self._face.opened(appearance, square, touches)
        poses = None
        if pose is not None or pose_from is not None:
            with _timed(seconds, "pose"):
                poses = self._poses(own, pose, pose_from, speech.frames)
        record = self.record(portrait=portrait, speech=speech.digest())
        seconds |= dict.fromkeys(("speech", "sample", "decode"), 0.0)
        mark = self._mark(record)

        def sample() -> Iterator[np.ndarray]:
            features = timed(timed(self._speech.hear(speech), seconds, "speech"), seconds, "sample", -1)
            return timed(self._speech.sample(features, speech.frames, wanted, progress), seconds, "sample")

        def draw(motions: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
            motions = timed(motions, seconds, "decode", -1)
            shown = motions if poses is None else _posed(motions, poses)
            frames = timed(self._face.show(appearance, shown, touches, mark), seconds, "decode")
            return told(frames, progress, "decode", speech.frames)

        return Performance(sample, draw, speech.frames, record, seconds)

    def stream(
        self,
        portrait: np.ndarray,
        *,
        pose: str | None = None,
        touches: Touches = NO_TOUCHES,
        crop: bool = True,
        hop: int = HOP,
        look_ahead: int = 0,
        max_ahead: float | int = MAX_AHEAD,
        **controls: Any,
    ) -> Stream:
        """The person in the portrait, who speaks as sound is fed; the programs are compiled when it is there.

        Args:
          portrait, touches, crop: as for `animate`.
          pose: None as speech makes it; "fixed" holds the head as in the portrait.
          hop: frames that are made at once, from 1: fewer come sooner (see `Stream.delay`) and cost more.
          look_ahead: frames behind these whose speech is waited for, whole hops: more come later, and move more as they
            do offline.
          max_ahead: seconds of sound that may wait to be shown.
          controls: fields of `controls.Controls` but blinks. If no way to sample is named, the few-step student of the
            weights does it if they hold one, else ten steps of "dpm".

        Raises:
          UserError: the portrait cannot be used, a value is out of range, or the weights cannot stream.
        """
        wanted = self._streams.controls(controls)
        check_pose(pose, False)
        portrait = check_portrait(portrait)
        appearance, own = self._encoded(portrait, crop, touches)
        held = None if pose is None else self._face.own_pose(own)
        record = self.record(portrait=portrait)
        shown = Shown(appearance, held, touches, record, self._mark(record))
        return Stream(self._streams, self._face, shown, wanted, hop, look_ahead, max_ahead)

    def move(
        self,
        speech: np.ndarray,
        sample_rate: int,
        controls: Controls | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Standardised motion (T, M) that speech makes, as `animate` samples it, undrawn: no portrait is needed.

        Raises:
          UserError: the speech cannot be used.
        """
        sound = Sound.of(check_speech(speech, sample_rate), sample_rate)
        features = self._speech.hear(sound)
        wanted, progress = controls or Controls(), progress or _no_progress
        return np.concatenate(list(self._speech.sample(features, sound.frames, wanted, progress)))

    def draw(self, portrait: np.ndarray, motion: np.ndarray, *, crop: bool = True) -> np.ndarray:
        """uint8 frames (T, S, S, 3) of the person in the portrait in standardised motion (T, M).

        Raises:
          UserError: the portrait cannot be used.
        """
        appearance, _ = self._face.encode(self._square(portrait, crop))
        mark = self._mark(self.record(portrait=portrait, motion=motion))
        return np.concatenate(list(self._face.show(appearance, [motion], NO_TOUCHES, mark)))

    def record(self, **inputs: np.ndarray | str) -> Record:
        """What is told of a run on these inputs, or on those with these hashes, with its output; the same inputs make
        the same run."""
        return new_record(self.checkpoint.config, inputs)

    def reenact(
        self,
        portrait: np.ndarray,
        driving: Iterable[np.ndarray],
        *,
        pose_from: Iterable[np.ndarray] | None = None,
        relative: bool = False,
        touches: Touches = NO_TOUCHES,
        crop: bool = True,
        record: Record | None = None,
    ) -> Iterator[np.ndarray]:
        """The person in the portrait moving as the one in the driving frames does.

        Args:
          portrait: uint8 (H, W, 3) RGB, sides of at least 64.
          driving: uint8 frames (S, S, 3), S the image size, framed as portraits are: `driving_file` reads them.
          pose_from: frames of another clip whose head pose is taken; the shorter of the two ends both.
          relative: carry the pose out from the portrait's own, relative to the clip's first frame; False takes it
            as it is, so that a gaze into the camera stays one.
          touches: what is changed of the motion before it is drawn; see `touches.Touches`.
          crop: of the portrait, see `animate`.
          record: of the run, to be named in the frames; None for that of the portrait, see `record`.

        Returns:
          uint8 frames (S, S, 3), made `frames_at_once` as they are asked for.

        Raises:
          UserError: the portrait cannot be used.
        """
        encoded = self._encoded(portrait, crop, touches)
        record = self.record(portrait=portrait) if record is None else record
        return self._face.reenact(encoded, driving, pose_from, relative, touches, self._mark(record))

    def edit(
        self,
        portrait: np.ndarray,
        *,
        turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
        expression_from: np.ndarray | None = None,
        crop: bool = True,
        record: Record | None = None,
    ) -> np.ndarray:
        """A still of the person in the portrait, uint8 (S, S, 3), the head turned or another expression on the face.

        Args:
          portrait: uint8 (H, W, 3) RGB, sides of at least 64.
          turn: yaw, pitch, roll in degrees from the portrait's own pose: to the image's right, up, counter-clockwise.
          expression_from: picture like the portrait, of anyone, whose expression is taken; None for the portrait's.
          crop: of both pictures, see `animate`.
          record: see `reenact`.

        Raises:
          UserError: a picture cannot be used, an angle is out of range.
        """
        radians = check_turn(turn)
        square, other = self._square(portrait, crop), None
        if expression_from is not None:
            other = self._square(expression_from, crop, "picture of the expression")
        record = self.record(portrait=portrait) if record is None else record
        return self._face.edit(self._face.encode(square), radians, other, self._mark(record, still=True))

    def _encoded(self, portrait: np.ndarray, crop: bool, touches: Touches) -> tuple[Appearance, Motion]:
        """Appearance, with eyes and lips as the touches ask, and own motion of a portrait."""
        self._face.check_touches(touches)
        square = self._square(portrait, crop)
        appearance, own = self._face.encode(square)
        return self._face.opened(appearance, square, touches), own

    def _square(self, picture: np.ndarray, crop: bool, what: str = "portrait") -> np.ndarray:
        return cut_square(picture, *self.square(picture, crop, what), self.image_size)

    def square(self, picture: np.ndarray, crop: bool = True, what: str = "portrait") -> Square:
        """Centre and side, in pixels, of the square of a portrait that the face model is shown; see `animate`.

        Raises:
          UserError: the portrait cannot be used.
        """
        picture = check_portrait(picture)
        return face_square(picture, what, self.framing) if crop else centre_square(picture)

    def _poses(self, own: Motion, pose: str | None, pose_from: Iterable[np.ndarray] | None, frames: int) -> np.ndarray:
        """Standardised head poses (frames, 7); see `animate`."""
        if pose_from is None:
            return self._face.own_pose(own)
        read = self._face.poses(islice(pose_from, frames), own, pose == RELATIVE)
        return there_and_back(read, frames)

    def _mark(self, record: Record, still: bool = False) -> Mark:
        return Mark.of(record.payload, self.image_size, still)


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - start


def _posed(motions: Iterable[np.ndarray], poses: np.ndarray) -> Iterator[np.ndarray]:
    """Motion (n, M) with head poses (T, 7), or with one (1, 7) that is held."""
    done = 0
    for motion in motions:
        shown = poses if len(poses) == 1 else poses[done : done + len(motion)]
        done += len(motion)
        yield np.concatenate([np.broadcast_to(shown, (len(motion), POSE_SIZE)), motion[:, POSE_SIZE:]], 1)


def _no_progress(part: str, done: int, total: int) -> None:
    """Stands in where nobody watches."""
