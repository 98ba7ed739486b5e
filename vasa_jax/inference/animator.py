"""One portrait and one speech clip to a video: the networks, their weights, a compiled program for each part.

    portrait --crop--> square --encode--> Appearance ----------------------------\\
    speech --16 kHz--> audio --speech encoder--> features --sample--> Motion --decode--> frames
    driving frames --read motion--> Motion, or the portrait's own, edited --------/

Every program has fixed shapes: speech is padded to a bucket, motion is sampled in segments of SEGMENT_WINDOWS
windows that hand their state on, frames are decoded in batches of `programs.BATCH`. Another seed, length or
control runs the same programs again. The motion that is generated replaces the portrait's own, pose included
(VASA-1, section 3.2); the crop has put the portrait near the canonical framing, so that the generated poses
fit it.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import jax
import numpy as np

from vasa_jax import pretrained
from vasa_jax.checkpoint import Checkpoint
from vasa_jax.checkpoint import load as load_checkpoint
from vasa_jax.compile_cache import enable_compile_cache
from vasa_jax.inference.controls import Controls, check_turn
from vasa_jax.inference.crop import crop_centre, crop_face
from vasa_jax.inference.portrait import check_portrait
from vasa_jax.inference.programs import BATCH, FacePrograms
from vasa_jax.inference.speech_file import check_speech, count_frames, model_audio
from vasa_jax.inference.video import Video
from vasa_jax.motion import make_sampler
from vasa_jax.types import SAMPLES_PER_FRAME, Appearance

SEGMENT_WINDOWS = 4

Progress = Callable[[str, int, int], None]


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
        self._samplers: dict[int, Callable] = {}

    @property
    def image_size(self) -> int:
        """Side of the frames in pixels."""
        return self.checkpoint.models.face.image_size

    def animate(
        self,
        portrait: np.ndarray,
        speech: np.ndarray,
        sample_rate: int,
        *,
        seed: int = 0,
        steps: int = 50,
        audio_cfg: float = 0.5,
        gaze_cfg: float = 1.0,
        gaze: tuple[float, float] = (0.0, 0.0),
        distance: float | None = None,
        emotion: str | None = None,
        crop: bool = True,
        progress: Progress | None = None,
    ) -> Video:
        """A video of the person in the portrait speaking.

        Args:
          portrait: uint8 (H, W, 3) RGB, sides of at least 64.
          speech: (n,) or (n, channels), float in [-1, 1] or integers, at least 40 ms.
          sample_rate: of the speech in Hz, 8000 to 192000.
          seed, steps, audio_cfg, gaze_cfg, gaze, distance, emotion: see `controls.Controls`.
          crop: find the face and frame it as in training; False takes the centred square of the portrait.
          progress: called with part ("sample" or "decode"), done and total, in windows and in frames.

        Returns:
          Video with ceil(25 n / sample_rate) frames.

        Raises:
          UserError: one of the inputs cannot be used; the message says which and why.
        """
        controls = Controls(seed, steps, audio_cfg, gaze_cfg, gaze, distance, emotion)
        portrait, speech = check_portrait(portrait), check_speech(speech, sample_rate)
        progress = progress or _no_progress
        seconds = {"load": self.load_seconds}
        with _timed(seconds, "crop"):
            square = self._square(portrait, crop)
        with _timed(seconds, "encode"):
            appearance, _ = self._face.encode(square)
        with _timed(seconds, "speech"):
            features = self._hear(model_audio(speech, sample_rate))
        with _timed(seconds, "sample"):
            motion = self._sample(features, count_frames(speech, sample_rate), controls, progress)
        with _timed(seconds, "decode"):
            frames = self._show(appearance, motion, progress)
        return Video(frames, speech, sample_rate, seconds=seconds)

    def reenact(
        self,
        portrait: np.ndarray,
        driving: Iterable[np.ndarray],
        *,
        pose_from: Iterable[np.ndarray] | None = None,
        relative: bool = False,
        crop: bool = True,
    ) -> Iterator[np.ndarray]:
        """The person in the portrait moving as the one in the driving frames does.

        Args:
          portrait: uint8 (H, W, 3) RGB, sides of at least 64.
          driving: uint8 frames (S, S, 3), S the image size, framed as portraits are: `driving_file` reads them.
          pose_from: frames of another clip whose head pose is taken; the shorter of the two ends both.
          relative: carry the pose out from the portrait's own, relative to the clip's first frame; False takes it
            as it is, so that a gaze into the camera stays one.
          crop: of the portrait, see `animate`.

        Returns:
          uint8 frames (S, S, 3), made in batches of `programs.BATCH` as they are asked for.

        Raises:
          UserError: the portrait cannot be used.
        """
        encoded = self._face.encode(self._square(portrait, crop))
        return self._face.reenact(encoded, driving, pose_from, relative)

    def edit(
        self,
        portrait: np.ndarray,
        *,
        turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
        expression_from: np.ndarray | None = None,
        crop: bool = True,
    ) -> np.ndarray:
        """A still of the person in the portrait, uint8 (S, S, 3), the head turned or another expression on the face.

        Args:
          portrait: uint8 (H, W, 3) RGB, sides of at least 64.
          turn: yaw, pitch, roll in degrees from the portrait's own pose: to the image's right, up, counter-clockwise.
          expression_from: picture like the portrait, of anyone, whose expression is taken; None for the portrait's.
          crop: of both pictures, see `animate`.

        Raises:
          UserError: a picture cannot be used, an angle is out of range.
        """
        radians = check_turn(turn)
        square, other = self._square(portrait, crop), None
        if expression_from is not None:
            other = self._square(expression_from, crop, "picture of the expression")
        return self._face.edit(self._face.encode(square), radians, other)

    def _square(self, picture: np.ndarray, crop: bool, what: str = "portrait") -> np.ndarray:
        picture = check_portrait(picture)
        return crop_face(picture, self.image_size, what) if crop else crop_centre(picture, self.image_size)

    def _hear(self, audio: np.ndarray) -> np.ndarray:
        """Features (1, T', F) of the speech and of silence after it, up to a whole number of segments."""
        segment = SEGMENT_WINDOWS * self.checkpoint.models.motion.window * SAMPLES_PER_FRAME
        segments = -(-len(audio) // segment)
        bucket = 1 << (segments - 1).bit_length()
        padded = np.pad(audio, (0, bucket * segment - len(audio)))
        return np.asarray(self._listen(self.params["speech"], padded[None]))

    def _sample(self, features: np.ndarray, frames: int, controls: Controls, progress: Progress) -> np.ndarray:
        """Standardised motion (T, M), segment after segment."""
        window = self.checkpoint.models.motion.window
        segment, windows = SEGMENT_WINDOWS * window, -(-frames // window)
        sampler = self._sampler(controls.steps)
        key = jax.random.key(np.uint32(controls.seed))
        arrays = controls.arrays(self.checkpoint.mean_distance)
        state, motions = None, []
        progress("sample", 0, windows)
        for start in range(0, frames, segment):
            valid = np.array([min(frames - start, segment)], np.int32)
            heard = features[:, start : start + segment]
            motion, state = sampler(
                {"params": self.params["motion"]}, heard, valid, **arrays, key=key,
                guidance=controls.guidance, state=state,
            )  # fmt: skip
            motions.append(np.asarray(motion[0]))
            progress("sample", min((start + segment) // window, windows), windows)
        return np.concatenate(motions)[:frames]

    def _show(self, appearance: Appearance, motion: np.ndarray, progress: Progress) -> np.ndarray:
        """uint8 frames (T, S, S, 3)."""
        total, size = len(motion), self.image_size
        frames = np.empty((total, size, size, 3), np.uint8)
        progress("decode", 0, total)
        for start in range(0, total, BATCH):
            end = min(start + BATCH, total)
            frames[start:end] = self._face.decode(appearance, motion[start:end])
            progress("decode", end, total)
        return frames

    def _sampler(self, steps: int) -> Callable:
        """The number of steps is part of the program; each that was asked for is kept."""
        if steps not in self._samplers:
            motion = self.checkpoint.models.motion
            self._samplers[steps] = make_sampler(motion, steps=steps, windows=SEGMENT_WINDOWS)
        return self._samplers[steps]

    @cached_property
    def _listen(self) -> Callable:
        speech = self.checkpoint.models.speech
        return jax.jit(lambda params, audio: speech.apply({"params": params}, audio))


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - start


def _no_progress(part: str, done: int, total: int) -> None:
    """Stands in where nobody watches."""
