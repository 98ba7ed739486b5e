"""Stage 1 compiled: from pictures to the latent space, within it, and back; a program of fixed shapes for each step.

Frames go through in batches of BATCH, the last one filled up, so that a clip of any length runs the same programs.
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
from vasa_jax.inference.reenact import combine, edit_motion, touch_motion, transfer
from vasa_jax.inference.touches import Touches
from vasa_jax.motion import Statistics
from vasa_jax.pixels import from_uint8, to_uint8
from vasa_jax.provenance.mark.writer import Mark, put_mark
from vasa_jax.types import POSE_SIZE, Appearance, Motion

BATCH = 8
NO_TOUCHES = Touches()


class FacePrograms:
    """A face model with its weights and the statistics of its motion.

    S is the image size, M the size of a motion vector.
    """

    def __init__(self, face: Face, params: Any, statistics: Statistics):
        self._face, self._params, self._statistics = face, params, statistics

    def encode(self, square: np.ndarray) -> tuple[Appearance, Motion]:
        """Appearance and own motion of a portrait (S, S, 3), uint8."""
        return jax.block_until_ready(self._encode(self._params, square[None]))

    def read_motion(self, frames: Iterable[np.ndarray]) -> Iterator[tuple[Motion, int]]:
        """Motion of frames (S, S, 3), uint8, BATCH at a time, and how many of these count."""
        frames = iter(frames)
        while batch := list(islice(frames, BATCH)):
            filled = np.stack(batch + batch[-1:] * (BATCH - len(batch)))
            yield jax.tree.map(np.asarray, self._read(self._params, filled)), len(batch)

    def decode(self, appearance: Appearance, motion: np.ndarray, mark: Mark, first: int = 0) -> np.ndarray:
        """uint8 frames (B, S, S, 3) in standardised motions (B, M), B at most BATCH, with the run's mark in them.

        Args:
          first: number of the first frame in its video.
        """
        chosen = np.minimum(np.arange(BATCH), len(motion) - 1)
        pattern, signs = mark.pattern, mark.signs(first, BATCH)
        frames = self._decode(self._params, appearance, self._statistics, motion[chosen], pattern, signs)
        return np.asarray(frames)[: len(motion)]

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
            first += BATCH

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
        return jax.jit(partial(encode_portrait, self._face))

    @cached_property
    def _read(self) -> Callable:
        return jax.jit(partial(read_motion, self._face))

    @cached_property
    def _transfer(self) -> Callable:
        return jax.jit(partial(transfer, additive=self._face.additive), static_argnums=5)

    @cached_property
    def _edit(self) -> Callable:
        return jax.jit(edit_motion)

    @cached_property
    def _touch(self) -> Callable:
        return jax.jit(partial(touch_motion, self._face))

    @cached_property
    def _open(self) -> Callable:
        def opened(params: Any, appearance: Appearance, eyes: Any, lips: Any) -> Appearance:
            return self._face.apply({"params": params}, appearance, eyes, lips, method="retarget")

        return jax.jit(opened)

    @cached_property
    def _decode(self) -> Callable:
        return jax.jit(partial(decode_frames, self._face))


def encode_portrait(face: Face, params: Any, image: jax.Array) -> tuple[Appearance, Motion]:
    """What a portrait keeps while its head moves, and its own motion, from uint8 (1, S, S, 3)."""
    return face.apply({"params": params}, from_uint8(image), method="encode")


def read_motion(face: Face, params: Any, images: jax.Array) -> Motion:
    """Pose and dynamics of each of the pictures, uint8 (B, S, S, 3)."""
    return face.apply({"params": params}, from_uint8(images), method="motion")


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


def _first(motion: Motion) -> Motion:
    return jax.tree.map(lambda leaf: leaf[:1], motion)
