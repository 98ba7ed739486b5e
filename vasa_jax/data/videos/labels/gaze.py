"""Where the eyes look, by our gaze network (judges.gaze): the one that ships, or a stronger one by path."""

from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float, UInt8

from vasa_jax.judges import load_gaze
from vasa_jax.pixels import from_uint8

BATCH = 16  # frames at once: one program whatever a clip's length


class GazeReader:
    """Reads gaze in the camera's frame, head and eyes together, from pictures and landmarks of a clip.

    Args:
      path: safetensors of a training with configs/gaze_tiny.py; the network that ships if None.

    Raises:
      UserError: the file is absent or holds something else.
    """

    def __init__(self, path: str | Path | None = None):
        self._network = load_gaze(path)
        self._read = jax.jit(lambda network, images, landmarks: network(from_uint8(images), landmarks).angles)

    def __call__(
        self, frames: UInt8[np.ndarray, "time side side 3"], landmarks: Float[np.ndarray, "time 68 2"]
    ) -> Float[np.ndarray, "time 2"]:
        """Yaw (to the image's right) and pitch (up) in radians, float32; NaN where landmarks are.

        Args:
          landmarks: of `labels.ibug_landmarks`, with the lids' corners: those of the mesh alone double the error.
        """
        gaze = np.full((len(frames), 2), np.nan, np.float32)
        seen = np.flatnonzero(np.isfinite(landmarks).all((1, 2)))
        for begin in range(0, len(seen), BATCH):
            some = seen[begin : begin + BATCH]
            padded = np.pad(some, (0, BATCH - len(some)), "edge")
            read = self._read(self._network, frames[padded], landmarks[padded].astype(np.float32))
            gaze[some] = np.asarray(read)[: len(some)]
        return gaze
