"""Stage 1 compiled: from pictures to the latent space, within it, and back; a program of fixed shapes for each step.

Frames go through in batches of one size, the last one filled up, so that a clip of any length runs the same programs.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.face import Face, KeypointFace
from vasa_jax.inference.controls import check_turn
from vasa_jax.inference.device_memory import told_when_full
from vasa_jax.inference.exports import NO_EXPORTS, Exports, Program
from vasa_jax.inference.folded import as_folded, fold
from vasa_jax.inference.reenact import combine, edit_motion, touch_motion, transfer
from vasa_jax.inference.touches import Touches
from vasa_jax.motion import Statistics
from vasa_jax.pixels import from_uint8, to_uint8
from vasa_jax.provenance.mark.writer import Mark, put_mark
from vasa_jax.types import POSE_SIZE, Appearance, Motion

BATCH = 8
ENCODE = "encode"  # the name of its program
NO_TOUCHES = Touches()


class FacePrograms:
    """A face model with its weights and the statistics of its motion.

    S is the image size, M the size of a motion vector. What depends on the weights alone is computed when they are
    given, see `folded`.

    Args:
      exports: programs that need not be traced.
      dtype: what the networks compute in.
      batch: frames that go through at once.
    """

    def __init__(
        self,
        face: Face,
        params: Any,
        statistics: Statistics,
        exports: Exports = NO_EXPORTS,
        dtype: str = "float32",
        batch: int = BATCH,
    ):
        self._face, self._statistics, self._exports, self._dtype = face, statistics, exports, dtype
        self._batch = batch
        self._params = jax.jit(fold)(params)

    def programs(self, batches: Iterable[int]) -> Iterator[Program]:
        """Those that speech and streams run, the decoder for each of these batches."""
        size = self._face.image_size
        square = np.zeros((1, size, size, 3), np.uint8)
        yield Program(ENCODE, self._encode, (self._params, square))
        appearance, _ = jax.eval_shape(self._encode, self._params, square)
        for batch in batches:
            motion, signs = (np.zeros(shape, np.float32) for shape in ((batch, self._statistics.mean.size), (batch,)))
            pattern = np.zeros((size, size), np.float32)
            args = self._params, appearance, self._statistics, motion, pattern, signs
            yield Program(_decode_name(batch), self._decode, args)

    @told_when_full()
    def encode(self, square: np.ndarray) -> tuple[Appearance, Motion]:
        """Appearance and own motion of a portrait (S, S, 3), uint8."""
        return jax.block_until_ready(self._encode(self._params, square[None]))

    def read_motion(self, frames: Iterable[np.ndarray]) -> Iterator[tuple[Motion, int]]:
        """Motion of frames (S, S, 3), uint8, a batch at a time, and how many of these count."""
        frames = iter(frames)
        while batch := list(islice(frames, self._batch)):
            filled = np.stack(batch + batch[-1:] * (self._batch - len(batch)))
            yield jax.tree.map(np.asarray, self._read(self._params, filled)), len(batch)

    @told_when_full()
    def decode(
        self, appearance: Appearance, motion: np.ndarray, mark: Mark, first: int = 0, batch: int | None = None
    ) -> np.ndarray:
        """uint8 frames (B, S, S, 3) in standardised motions (B, M), B at most `batch`, with the run's mark in them.

        Args:
          first: number of the first frame in its video.
          batch: frames that go through at once, each number by a program of its own; None for the usual number.
        """
        batch = self._batch if batch is None else batch
        return np.asarray(self._drawn(appearance, filled(motion, batch), mark, first))[: len(motion)]

    def show(
        self, appearance: Appearance, motions: Iterable[np.ndarray], touches: Touches, mark: Mark
    ) -> Iterator[np.ndarray]:
        """uint8 frames (n, S, S, 3), a batch at a time, of a clip's standardised motion (n, M) in parts of any lengths.

        The next batch is computed while the one before is taken.
        """
        first, before = 0, None
        for motion in in_batches(motions, self._batch):
            touched = self.touched(filled(motion, self._batch), touches)
            frames = self._drawn(appearance, touched, mark, first)
            if before is not None:
                yield np.asarray(before)
            first, before = first + len(motion), frames
        if before is not None:
            yield np.asarray(before)[: len(motion)]

    def _drawn(self, appearance: Appearance, motion: np.ndarray, mark: Mark, first: int) -> jax.Array:
        """Frames that are still being computed."""
        signs = mark.signs(first, len(motion))
        decode = self._exports.get(_decode_name(len(motion))) or self._decode
        return decode(self._params, appearance, self._statistics, motion, mark.pattern, signs)

    def reenact(
        self,
        portrait: tuple[Appearance, Motion],
        driving: Iterable[np.ndarray],
        pose_from: Iterable[np.ndarray] | None,
        relative: bool,
        touches: Touches,
        mark: Mark,
    ) -> Iterator[np.ndarray]:
        """See `Animator.reenact`; the portrait is encoded, its eyes and lips are opened."""
        appearance, own = portrait
        driven = self.read_motion(driving)
        both = ((one, one) for one in driven)
        if pose_from is not None:
            both = zip(self.read_motion(pose_from), driven, strict=False)
        reference, first = None, 0
        for (pose, poses), (dynamics, count) in both:
            reference = combine(_first(pose), _first(dynamics)) if reference is None else reference
            motion = self._transfer(self._statistics, pose, dynamics, own, reference, relative)
            frames = self.decode(appearance, self.touched(np.asarray(motion), touches), mark, first)
            yield from frames[: min(poses, count)]
            first += self._batch

    def touched(self, motion: np.ndarray, touches: Touches) -> np.ndarray:
        """Standardised motion (T, M) with what the touches change of it."""
        if not touches.moves:
            return motion
        look = np.array(touches.look, np.float32) if any(touches.look) else None
        strength, turn = np.float32(touches.strength), check_turn(touches.turn)
        return np.asarray(self._touch(self._statistics, motion, strength, turn, look))

    def opened(self, appearance: Appearance, square: np.ndarray, touches: Touches) -> Appearance:
        """The appearance of a portrait (S, S, 3) with eyes and lips as far open as the touches ask."""
        return self._open(self._params, appearance, *touches.ratios(square)) if touches.opens else appearance

    def check_touches(self, touches: Touches) -> None:
        """UserError unless the face model can do what they ask."""
        if touches.needs_keypoints and not isinstance(self._face, KeypointFace):
            raise UserError("eyes and lips can be moved with weights of LivePortrait alone, see docs/open_weights.md")

    def poses(self, frames: Iterable[np.ndarray], own: Motion, relative: bool) -> np.ndarray:
        """Standardised head poses (T, 7) of frames (S, S, 3), uint8; relative ones go on from the portrait's own."""
        reference, found = None, []
        for motion, count in self.read_motion(frames):
            reference = _first(motion) if reference is None else reference
            moved = self._transfer(self._statistics, motion, motion, own, reference, relative)
            found.append(np.asarray(moved)[:count, :POSE_SIZE])
        if not found:
            raise UserError("the clip for the pose has no frames")
        return np.concatenate(found)

    def own_pose(self, own: Motion) -> np.ndarray:
        """The standardised head pose (1, 7) of a portrait with that motion."""
        return np.asarray(self._edit(self._statistics, own, np.zeros(3, np.float32), None))[:, :POSE_SIZE]

    def edit(
        self, portrait: tuple[Appearance, Motion], turn: np.ndarray, expression_from: np.ndarray | None, mark: Mark
    ) -> np.ndarray:
        """See `Animator.edit`; the portrait is encoded, the turn (3,) in radians, the other picture (S, S, 3)."""
        appearance, own = portrait
        expression = None
        if expression_from is not None:
            read, _ = next(self.read_motion([expression_from]))
            expression = _first(read)
        motion = self._edit(self._statistics, own, turn, expression)
        return self.decode(appearance, np.asarray(motion), mark)[0]

    @cached_property
    def _encode(self) -> Callable:
        return self._exports.get(ENCODE) or self._jitted(encode_portrait, dtype=self._dtype)

    @cached_property
    def _read(self) -> Callable:
        return self._jitted(read_motion, dtype=self._dtype)

    @cached_property
    def _transfer(self) -> Callable:
        return jax.jit(partial(transfer, additive=self._face.additive), static_argnums=5)

    @cached_property
    def _edit(self) -> Callable:
        return jax.jit(edit_motion)

    @cached_property
    def _touch(self) -> Callable:
        return self._jitted(touch_motion)

    @cached_property
    def _open(self) -> Callable:
        return self._jitted(open_eyes_and_lips)

    @cached_property
    def _decode(self) -> Callable:
        return self._jitted(decode_frames)

    def _jitted(self, function: Callable, **fixed: Any) -> Callable:
        """A function of the face model and others, for parameters that are folded."""

        def run(*args: Any) -> Any:
            with as_folded():
                return function(self._face, *args, **fixed)

        return jax.jit(run)


def encode_portrait(face: Face, params: Any, image: jax.Array, dtype: str = "float32") -> tuple[Appearance, Motion]:
    """What a portrait keeps while its head moves, and its own motion, from uint8 (1, S, S, 3).

    Args:
      dtype: what the networks compute in, of this picture and of all that is drawn with its appearance.
    """
    return face.apply({"params": params}, from_uint8(image).astype(dtype), method="encode")


def read_motion(face: Face, params: Any, images: jax.Array, dtype: str = "float32") -> Motion:
    """Pose and dynamics of each of the pictures, uint8 (B, S, S, 3)."""
    return face.apply({"params": params}, from_uint8(images).astype(dtype), method="motion")


def open_eyes_and_lips(face: Face, params: Any, appearance: Appearance, eyes: Any, lips: Any) -> Appearance:
    """The appearance with eyes and lips as far open as `Touches.ratios` tells."""
    return face.apply({"params": params}, appearance, eyes, lips, method="retarget")


def decode_frames(
    face: Face,
    params: Any,
    appearance: Appearance,
    statistics: Statistics,
    motion: jax.Array,
    pattern: jax.Array,
    signs: jax.Array,
) -> jax.Array:
    """Frames uint8 (B, S, S, 3) of one appearance (batch 1) in B standardised motions (B, M), with `put_mark`."""
    repeated = jax.tree.map(lambda leaf: jnp.repeat(leaf, motion.shape[0], axis=0), appearance)
    restored = Motion.from_vector(statistics.restore(motion))
    images = face.apply({"params": params}, repeated, restored, method="decode")
    return to_uint8(put_mark(images, pattern, signs))


def _decode_name(batch: int) -> str:
    return f"decode-{batch}"


def filled(motion: np.ndarray, batch: int) -> np.ndarray:
    """Rows (n, M) and the last one again, up to a whole batch."""
    return motion[np.minimum(np.arange(batch), len(motion) - 1)]


def in_batches(motions: Iterable[np.ndarray], batch: int) -> Iterator[np.ndarray]:
    """Parts (n, M) of any lengths as parts of `batch` rows; the last may be shorter."""
    waiting = None
    for motion in motions:
        waiting = motion if waiting is None else np.concatenate([waiting, motion])
        whole = len(waiting) - len(waiting) % batch
        yield from (waiting[start : start + batch] for start in range(0, whole, batch))
        waiting = waiting[whole:]
    if waiting is not None and len(waiting):
        yield waiting


def _first(motion: Motion) -> Motion:
    return jax.tree.map(lambda leaf: leaf[:1], motion)
