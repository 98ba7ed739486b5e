"""Which pixels show the person, by a segmentation network that a user names: none is run without."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.judges.graphs import Graph

ORIGIN = (
    "a TFLite graph from an image (1, height, width, 3) in [0, 1] to how sure each pixel is a person's, in one channel "
    "or in two behind that of the background; such as selfie_segmentation.tflite of MediaPipe (Apache-2.0)"
)


class Segmenter:
    """Masks of the person in frames.

    The graph's numbers are probabilities, or logits if they leave [0, 1] for a picture of noise.

    Raises:
      UserError: the runtime is not installed, the file is absent or no such graph.
    """

    def __init__(self, path: str | Path):
        self._graph = Graph(path, 1, ORIGIN)
        shape = self._graph.input_shape
        if len(shape) != 4 or shape[3] != 3:
            raise UserError(f"{path} takes {shape}; expected {ORIGIN}")
        self._height, self._width = shape[1:3]
        noise = self._graph(np.random.default_rng(0).uniform(size=shape[1:]).astype(np.float32))[0]
        self._channels, rest = divmod(len(noise), self._height * self._width)
        if rest or self._channels not in (1, 2):
            raise UserError(f"{path} gives {len(noise)} numbers for {self._height}x{self._width}; expected {ORIGIN}")
        self._logits = bool(noise.min() < 0 or noise.max() > 1)

    def __call__(self, frames: UInt8[np.ndarray, "time side side 3"]) -> UInt8[np.ndarray, "time side side"]:
        """How sure each pixel is the person's, 255 for certain."""
        return np.stack([self._mask(frame) for frame in frames])

    def _mask(self, frame: np.ndarray) -> np.ndarray:
        small = Image.fromarray(frame).resize((self._width, self._height), Image.Resampling.BILINEAR)
        found = self._graph(np.asarray(small, np.float32) / 255)[0].reshape(self._height, self._width, -1)
        if self._logits:
            odds = found[..., 0] if self._channels == 1 else found[..., 1] - found[..., 0]
            sure = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        else:
            sure = found[..., -1]
        mask = Image.fromarray(np.round(255 * np.clip(sure, 0, 1)).astype(np.uint8))
        return np.asarray(mask.resize(frame.shape[1::-1], Image.Resampling.BILINEAR))
