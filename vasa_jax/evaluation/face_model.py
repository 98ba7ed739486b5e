"""A face model as the evaluation uses it: any number of rows, computed in chunks of one shape, as NumPy arrays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vasa_jax.face import build_face
from vasa_jax.pixels import from_uint8
from vasa_jax.room_weights import load_room
from vasa_jax.types import Appearance, HeadPose, Motion

CHUNK = 8


class Face:
    """A face model with its weights. Images are (n, S, S, 3) uint8, what it draws float32 in [-1, 1].

    Attributes:
      size: S in pixels.
    """

    def __init__(self, model: Any, params: Any):
        self.size = model.image_size
        def call(params: Any, method: str, *args: Any) -> Any:
            return model.apply({"params": params}, *args, method=method)

        apply = jax.jit(call, static_argnums=1)
        self._apply = lambda method, *args: apply(params, method, *args)

    def motion(self, images: np.ndarray) -> Motion:
        return in_chunks(lambda chunk: self._apply("motion", from_uint8(chunk)), images)

    def pose(self, drawn: np.ndarray) -> HeadPose:
        """Of drawn images, in [-1, 1]."""
        return in_chunks(lambda chunk: self._apply("pose", chunk), drawn)

    def appearance(self, images: np.ndarray, motion: Motion) -> Appearance:
        return in_chunks(lambda chunk: self._apply("appearance", from_uint8(chunk[0]), chunk[1]), (images, motion))

    def decode(self, appearances: Appearance, who: np.ndarray, motion: Motion) -> np.ndarray:
        """Row i shows person `who[i]` of `appearances` in motion i."""

        def draw(chunk: tuple[np.ndarray, Motion]) -> jax.Array:
            return self._apply("decode", rows(appearances, chunk[0]), chunk[1])

        return in_chunks(draw, (who, motion))


def in_chunks(function: Callable[[Any], Any], tree: Any) -> Any:
    """`function` of CHUNK rows at a time, the last ones filled up from the front: one shape, one program."""
    count = len(jax.tree.leaves(tree)[0])
    starts = range(0, count, CHUNK)
    parts = [jax.device_get(function(rows(tree, np.arange(start, start + CHUNK) % count))) for start in starts]
    return jax.tree.map(lambda *x: np.concatenate(x)[:count], *parts)


def rows(tree: Any, chosen: np.ndarray) -> Any:
    """Some rows of every leaf."""
    return jax.tree.map(lambda x: x[chosen], tree)


def load_face(folder: str | Path) -> Face:
    """The face model of a run (its export/) or of a released folder.

    Raises:
      UserError: there is none.
    """
    config, params = load_room(folder, "face")
    return Face(build_face(config["model"]), params)
