"""What is timed of a speaking portrait, by JAX and by PyTorch: decoding, motion, and all of it from file to file."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vasa_jax.inference.controls import Controls
from vasa_jax.inference.face_programs import BATCH, NO_TOUCHES
from vasa_jax.inference.sound import Sound
from vasa_jax.inference.video_file import default_size, write_video
from vasa_jax.types import FPS, Motion

Way = Callable[[], None]


@dataclasses.dataclass(frozen=True)
class Work:
    """One row: so many frames, by JAX, by PyTorch, and by PyTorch compiled."""

    name: str
    frames: int
    jax: Way
    torch: Way
    compiled: Way


class Speaking:
    """An animator and its twin in PyTorch, with a portrait and some speech.

    Args:
      square: uint8 (S, S, 3), framed already: what finds the face is the same for both.
      folder: for the videos.
      beside: with PyTorch; without, only JAX's ways can be called.
    """

    def __init__(
        self, animator: Any, square: np.ndarray, speech: Sound, controls: Controls, folder: Path, beside: bool
    ):
        self.animator, self.square, self.speech, self.controls = animator, square, speech, controls
        self.folder, self.twins = folder, {}
        if beside:
            from benchmarks.speaker_torch import SpeakerTorch

            self.twins = {compiled: SpeakerTorch(animator, square, compiled) for compiled in (False, True)}
        self.features = np.concatenate(list(animator._speech.hear(speech)), 1)
        windows = -(-speech.frames // animator.checkpoint.models.motion.window)
        self.features = self.features[:, : windows * animator.checkpoint.models.motion.window]
        self.appearance, _ = animator._face.encode(square)
        self.mark = animator._mark(animator.record())
        self.motion = np.concatenate(list(self._moved()))

    def works(self) -> Iterator[Work]:
        few = self.motion[:BATCH]
        yield self._work(f"decode, batches of {BATCH}", self._draw, lambda twin: list(twin.frames(self.motion)))
        alone = self._work("decode, one by one", self._draw_alone, lambda twin: list(twin.frames(few, 1)))
        yield dataclasses.replace(alone, frames=len(few))
        name = f"motion, {self.controls.steps} steps"
        yield self._work(name, lambda: list(self._moved()), lambda twin: twin.move(self.features, self.controls))
        yield self._work("file to file", self._film, self._film_by)

    def difference(self) -> float:
        """The mean one between both's first frames, in levels of 255: the mark is in ours alone."""
        ours = self.animator.draw(self.square, self.motion[:BATCH], crop=False).astype(float)
        return float(np.abs(ours - self.twins[False].decode(self.motion[:BATCH])).mean())

    def relative_difference(self) -> float:
        """The largest one between both networks' first image, over the largest number in it."""
        checkpoint, motion = self.animator.checkpoint, self.motion[:1]

        def draw(params: Any, appearance: Any, motion: Any) -> Any:
            restored = Motion.from_vector(checkpoint.statistics.restore(motion))
            return checkpoint.models.face.apply({"params": params}, appearance, restored, method="decode")

        ours = np.asarray(jax.jit(draw)(self.animator.params["face"], self.appearance, motion), np.float32)
        theirs = self.twins[False].images(motion).permute(0, 2, 3, 1).cpu().numpy()
        return float(np.abs(ours - theirs).max() / np.abs(theirs).max())

    def operations(self) -> float:
        """Of decoding one frame, as XLA counts them."""
        program = next(one for one in self.animator.programs() if one.name == f"decode-{BATCH}")
        lowered = program.run.lower(*program.args)
        return max(found.cost_analysis()["flops"] for found in (lowered, lowered.compile())) / BATCH

    def _work(self, name: str, ours: Way, theirs: Callable[[Any], Any]) -> Work:
        ways = (lambda compiled=compiled: theirs(self.twins[compiled]) for compiled in (False, True))
        return Work(name, self.speech.frames, ours, *ways)

    def _moved(self) -> Iterator[np.ndarray]:
        features = self.animator._speech.hear(self.speech)
        return self.animator._speech.sample(features, self.speech.frames, self.controls, lambda *_: None)

    def _draw(self) -> None:
        for _ in self.animator._face.show(self.appearance, [self.motion], NO_TOUCHES, self.mark):
            pass

    def _draw_alone(self) -> None:
        for index, motion in enumerate(self.motion[:BATCH]):
            self.animator._face.decode(self.appearance, motion[None], self.mark, index, batch=1)

    def _film(self) -> None:
        given = {"steps": self.controls.steps, "sampler": self.controls.sampler}
        with self.animator.perform(self.square, self.speech, crop=False, **given) as frames:
            self._write("jax", frames, frames.record)

    def _film_by(self, twin: Any) -> None:
        """The features are given to it, and nothing is marked in its frames: both are to its advantage."""
        self._write("torch", twin.frames(twin.move(self.features, self.controls)[: self.speech.frames]), None)

    def _write(self, name: str, frames: Any, record: Any) -> None:
        size = default_size(self.animator.image_size)
        path = self.folder / f"{name}.mp4"
        write_video(path, frames, self.speech, self.speech.rate, fps=FPS, size=size, record=record)
