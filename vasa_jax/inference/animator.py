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
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vasa_jax import pretrained
from vasa_jax.checkpoint import Checkpoint
from vasa_jax.checkpoint import load as load_checkpoint
from vasa_jax.compile_cache import enable_compile_cache
from vasa_jax.inference.controls import Controls, check_turn
from vasa_jax.inference.crop import Square, centre_square, cut_square, face_square
from vasa_jax.inference.face_programs import BATCH, NO_TOUCHES, FacePrograms
from vasa_jax.inference.head_pose import RELATIVE, check_pose, there_and_back
from vasa_jax.inference.portrait import check_portrait
from vasa_jax.inference.speech_file import check_speech, count_frames, model_audio
from vasa_jax.inference.speech_programs import Progress, SpeechPrograms
from vasa_jax.inference.touches import Touches
from vasa_jax.inference.video import Video
from vasa_jax.provenance.mark.writer import Mark
from vasa_jax.provenance.record import Record, new_record
from vasa_jax.types import POSE_SIZE, Appearance, Framing, Motion


def load(checkpoint: str | Path | None = None) -> "Animator":
    """An animator with the weights in the folder `checkpoint`, or with those that ship with the package.

    Turns the persistent compile cache on, see `compile_cache`.

    Raises:
      UserError: the folder holds no checkpoint that fits this version.
    """
    start = time.perf_counter()
    enable_compile_cache()
    animator = Animator(load_checkpoint(pretrained.path() if checkpoint is None else checkpoint))
    animator.load_seconds = time.perf_counter() - start
    return animator


class Animator:
    """Holds a checkpoint's networks and weights; `animate`, `reenact` and `edit` make pictures with them.

    Attributes:
      checkpoint: config and statistics; its `models` are the networks.
      params: {"face", "motion", "speech"}, on the device.
      load_seconds: what loading took, reported with every video.
    """

    def __init__(self, checkpoint: Checkpoint):
        self.checkpoint = checkpoint
        self.params = jax.device_put(checkpoint.params)
        self.load_seconds = 0.0
        self._face = FacePrograms(checkpoint.models.face, self.params["face"], checkpoint.statistics)
        self._speech = SpeechPrograms(checkpoint, self.params)

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
        wanted = Controls(**controls)
        check_pose(pose, pose_from is not None)
        self._face.check_touches(touches)
        self._speech.check(wanted)
        portrait, speech = check_portrait(portrait), check_speech(speech, sample_rate)
        progress = progress or _no_progress
        seconds = {"load": self.load_seconds}
        with _timed(seconds, "crop"):
            square = self._square(portrait, crop)
        with _timed(seconds, "encode"):
            appearance, own = self._face.encode(square)
            appearance = self._face.opened(appearance, square, touches)
        with _timed(seconds, "speech"):
            features = self._speech.hear(model_audio(speech, sample_rate))
        with _timed(seconds, "sample"):
            motion = self._speech.sample(features, count_frames(speech, sample_rate), wanted, progress)
        if pose is not None or pose_from is not None:
            with _timed(seconds, "pose"):
                motion[:, :POSE_SIZE] = self._poses(own, pose, pose_from, len(motion))
        with _timed(seconds, "decode"):
            record = self.record(portrait=portrait, speech=speech)
            frames = self._show(appearance, self._face.touched(motion, touches), record, progress)
        return Video(frames, speech, sample_rate, seconds=seconds, record=record)

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
        speech = check_speech(speech, sample_rate)
        features = self._speech.hear(model_audio(speech, sample_rate))
        frames = count_frames(speech, sample_rate)
        return self._speech.sample(features, frames, controls or Controls(), progress or _no_progress)

    def draw(self, portrait: np.ndarray, motion: np.ndarray, *, crop: bool = True) -> np.ndarray:
        """uint8 frames (T, S, S, 3) of the person in the portrait in standardised motion (T, M).

        Raises:
          UserError: the portrait cannot be used.
        """
        appearance, _ = self._face.encode(self._square(portrait, crop))
        return self._show(appearance, motion, self.record(portrait=portrait, motion=motion), _no_progress)

    def record(self, **inputs: np.ndarray) -> Record:
        """What is told of a run on these inputs with its output; the same inputs make the same run."""
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
          uint8 frames (S, S, 3), made in batches of `face_programs.BATCH` as they are asked for.

        Raises:
          UserError: the portrait cannot be used.
        """
        self._face.check_touches(touches)
        square = self._square(portrait, crop)
        appearance, own = self._face.encode(square)
        encoded = self._face.opened(appearance, square, touches), own
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

    def _show(self, appearance: Appearance, motion: np.ndarray, record: Record, progress: Progress) -> np.ndarray:
        """uint8 frames (T, S, S, 3), marked."""
        total, size, mark = len(motion), self.image_size, self._mark(record)
        frames = np.empty((total, size, size, 3), np.uint8)
        progress("decode", 0, total)
        for start in range(0, total, BATCH):
            end = min(start + BATCH, total)
            frames[start:end] = self._face.decode(appearance, motion[start:end], mark, start)
            progress("decode", end, total)
        return frames


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - start


def _no_progress(part: str, done: int, total: int) -> None:
    """Stands in where nobody watches."""
