"""Frames back in the photograph that they were cut from, with a soft edge: shoulders and room stay around them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from vasa_jax.inference.crop import Square, pixel_square
from vasa_jax.inference.video_file import MAX_SIZE

EDGE = 0.12  # of the square's side over which a frame fades into the photograph, on each edge


@dataclass(frozen=True)
class Setting:
    """A photograph of even sides and the square of it that is animated; `setting_of` makes it.

    Attributes:
      picture: (H, W, 3) uint8.
      square: centre and side in its pixels; may leave it.
    """

    picture: np.ndarray
    square: Square

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames."""
        return self.picture.shape[1], self.picture.shape[0]

    def paste(self, frames: Iterable[UInt8[np.ndarray, "size size 3"]]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """The photograph with each frame in its square; frames may have any size."""
        left, top, side = pixel_square(*self.square)
        rows, columns = (
            slice(max(start, 0), min(start + side, end)) for start, end in ((top, self.size[1]), (left, self.size[0]))
        )
        inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        mask, around = self._mask[inside], self.picture[rows, columns].astype(np.float32)
        for frame in frames:
            scaled = Image.fromarray(frame).resize((side, side), Image.Resampling.LANCZOS)
            whole = self.picture.copy()
            whole[rows, columns] = np.round(around + mask * (np.asarray(scaled)[inside] - around)).astype(np.uint8)
            yield whole

    @cached_property
    def _mask(self) -> Float32[np.ndarray, "side side 1"]:
        return soft_mask(pixel_square(*self.square)[2])


def setting_of(picture: UInt8[np.ndarray, "height width 3"], square: Square) -> Setting:
    """The setting of a portrait: larger than videos may be, it is reduced; an odd last row or column is left out."""
    longest = max(picture.shape[:2])
    if longest > MAX_SIZE:
        zoom = MAX_SIZE / longest
        size = [max(round(n * zoom), 2) for n in picture.shape[1::-1]]
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
        (x, y), side = square
        square = ((x * zoom, y * zoom), side * zoom)
    height, width = (n - n % 2 for n in picture.shape[:2])
    return Setting(picture[:height, :width], square)


def soft_mask(side: int) -> Float32[np.ndarray, "{side} {side} 1"]:
    """1 inside, falling to 0 at the edges, smoothly."""
    place = (np.arange(side) + 0.5) / side
    ramp = np.clip(np.minimum(place, 1 - place) / EDGE, 0, 1)
    smooth = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    return (smooth[:, None] * smooth)[..., None]
