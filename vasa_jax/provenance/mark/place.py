"""Where a file's picture lies over the marked frame: just on it, within it after a crop, or around it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vasa_jax.provenance.mark.carrier import GRID, resampling


@dataclass(frozen=True)
class Place:
    """The picture's rectangle as the marked frame measures it.

    Attributes:
      top, left: its corner, in sides of the frame; negative where the picture begins before the frame does.
      height, width: its sides, in sides of the frame.
    """

    top: float = 0.0
    left: float = 0.0
    height: float = 1.0
    width: float = 1.0

    @property
    def is_whole(self) -> bool:
        return self.height == self.width == 1.0

    def matrices(self, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """(64, height) and (64, width): from the file's picture to the grid of the whole frame."""
        return (
            resampling(height, GRID, self.top, self.height),
            resampling(width, GRID, self.left, self.width),
        )

    def shown(self, cells: int) -> Float[np.ndarray, "cells cells"]:
        """1 in the cells of the frame that the file shows, 0 elsewhere."""
        middles = (np.arange(cells) + 0.5) / cells
        rows = (middles >= self.top) & (middles <= self.top + self.height)
        columns = (middles >= self.left) & (middles <= self.left + self.width)
        return np.outer(rows, columns).astype(np.float64)
