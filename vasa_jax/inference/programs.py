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

from vasa_jax.face import FaceModel
from vasa_jax.inference.reenact import combine, edit, retarget
from vasa_jax.motion import Statistics
from vasa_jax.pixels import from_uint8, to_uint8
from vasa_jax.types import Appearance, Motion

BATCH = 8


class FacePrograms:
    """A face model with its weights and the statistics of its motion.

    S is the image size, M the size of a motion vector.
    """

    def __init__(self, face: FaceModel, params: Any, statistics: Statistics):
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

    def decode(self, appearance: Appearance, motion: np.ndarray) -> np.ndarray:
        """uint8 frames (B, S, S, 3) in standardised motions (B, M), B at most BATCH."""
        chosen = np.minimum(np.arange(BATCH), len(motion) - 1)
        return np.asarray(self._decode(self._params, appearance, self._statistics, motion[chosen]))[: len(motion)]

    def reenact(
        self,
        portrait: tuple[Appearance, Motion],
        driving: Iterable[np.ndarray],
        pose_from: Iterable[np.ndarray] | None,
        relative: bool,
    ) -> Iterator[np.ndarray]:
        """See `Animator.reenact`; the portrait is encoded."""
        appearance, own = portrait
        driven = self.read_motion(driving)
        both = ((one, one) for one in driven)
        if pose_from is not None:
            both = zip(self.read_motion(pose_from), driven, strict=False)
        reference = None
        for (pose, poses), (dynamics, count) in both:
            reference = _first(pose) if reference is None else reference
            motion = self._transfer(self._statistics, pose, dynamics, own, reference, relative)
            yield from self.decode(appearance, np.asarray(motion))[: min(poses, count)]

    def edit(
        self, portrait: tuple[Appearance, Motion], turn: np.ndarray, expression_from: np.ndarray | None
    ) -> np.ndarray:
        """See `Animator.edit`; the portrait is encoded, the turn (3,) in radians, the other picture (S, S, 3)."""
        appearance, own = portrait
        expression = None
        if expression_from is not None:
            read, _ = next(self.read_motion([expression_from]))
            expression = _first(read)
        motion = self._edit(self._statistics, own, turn, expression)
        return self.decode(appearance, np.asarray(motion))[0]

    @cached_property
    def _encode(self) -> Callable:
        return jax.jit(partial(encode_portrait, self._face))

    @cached_property
    def _read(self) -> Callable:
        return jax.jit(partial(read_motion, self._face))

    @cached_property
    def _transfer(self) -> Callable:
        return jax.jit(transfer, static_argnums=5)

    @cached_property
    def _edit(self) -> Callable:
        return jax.jit(edit_motion)

    @cached_property
    def _decode(self) -> Callable:
        return jax.jit(partial(decode_frames, self._face))


def encode_portrait(face: FaceModel, params: Any, image: jax.Array) -> tuple[Appearance, Motion]:
    """What a portrait keeps while its head moves, and its own motion, from uint8 (1, S, S, 3)."""
    return face.apply({"params": params}, from_uint8(image), method="encode")


def read_motion(face: FaceModel, params: Any, images: jax.Array) -> Motion:
    """Pose and dynamics of each of the pictures, uint8 (B, S, S, 3)."""
    return face.apply({"params": params}, from_uint8(images), method="motion")


def transfer(
    statistics: Statistics, pose: Motion, dynamics: Motion, own: Motion, reference: Motion, relative: bool
) -> jax.Array:
    """Standardised motion (B, M): the pose of one clip, if asked relative to `reference`, the dynamics of another."""
    motion = combine(pose, dynamics)
    if relative:
        motion = retarget(own, motion, reference)
    return statistics.standardise(motion.vector)


def edit_motion(statistics: Statistics, own: Motion, turn: jax.Array, expression: Motion | None) -> jax.Array:
    """Standardised motion (1, M) of a portrait, see `reenact.edit`."""
    return statistics.standardise(edit(own, turn, expression).vector)


def decode_frames(
    face: FaceModel, params: Any, appearance: Appearance, statistics: Statistics, motion: jax.Array
) -> jax.Array:
    """Frames uint8 (B, S, S, 3) of one appearance (batch 1) in B standardised motions (B, M)."""
    repeated = jax.tree.map(lambda leaf: jnp.repeat(leaf, motion.shape[0], axis=0), appearance)
    restored = Motion.from_vector(statistics.restore(motion))
    images = face.apply({"params": params}, repeated, restored, method="decode")
    return to_uint8(images)


def _first(motion: Motion) -> Motion:
    return jax.tree.map(lambda leaf: leaf[:1], motion)
