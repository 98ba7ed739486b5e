"""The emotion of a clip by a user's own classifier: none ships, and without one the label is absent.

A classifier is a TFLite graph NAME.tflite from one face to a score a class, and beside it NAME.json:

    {"classes": ["neutral", "happy", ...], "range": [-1, 1], "logits": true}

`classes` in the order of the scores: those of `types.EMOTIONS` are kept, and an emotion that is not among them is NaN:
nobody has looked for it. `range` is what black and white are to the graph. `logits` says that the scores still need a
softmax.
"""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.judges.graphs import Graph
from vasa_jax.types import EMOTIONS

ORIGIN = "a TFLite graph from a face (1, side, side, 3) to a score a class, with a JSON file of its classes beside it"
FRAMES_BETWEEN_LOOKS = 12  # an emotion lasts


class EmotionReader:
    """Mean probabilities of the emotions over some frames of a clip.

    Raises:
      UserError: a file is absent or does not fit the other.
    """

    def __init__(self, path: str | Path):
        about = _read_about(Path(path).with_suffix(".json"))
        self._graph, self._logits = Graph(path, 1, ORIGIN), about["logits"]
        self._places = {name: place for place, name in enumerate(about["classes"]) if name in EMOTIONS}
        self._classes = len(about["classes"])
        self._black, self._white = about["range"]
        if len(self._graph.input_shape) != 4 or self._graph.input_shape[3] != 3:
            raise UserError(f"{path} takes {self._graph.input_shape}; expected {ORIGIN}")
        self._check(path)

    def __call__(self, frames: UInt8[np.ndarray, "time side side 3"]) -> Float[np.ndarray, " emotions"]:
        """Strengths in [0, 1] in the order of `types.EMOTIONS`, float32: those of the frames' mean; NaN for an emotion
        that the classifier does not know.

        Args:
          frames: of one clip, in the canonical framing.
        """
        scores = np.mean([self._probabilities(frame) for frame in frames[::FRAMES_BETWEEN_LOOKS]], 0)
        places = [self._places.get(name) for name in EMOTIONS]
        return np.array([np.nan if place is None else scores[place] for place in places], np.float32)

    def _probabilities(self, frame: np.ndarray) -> np.ndarray:
        _, height, width, _ = self._graph.input_shape
        face = np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255
        scores = self._graph(face * (self._white - self._black) + self._black)[0].astype(np.float64)
        if not self._logits:
            return scores
        odds = np.exp(scores - scores.max())
        return odds / odds.sum()

    def _check(self, path: str | Path) -> None:
        count = len(self._graph(np.zeros(self._graph.input_shape[1:], np.float32))[0])
        if count != self._classes:
            raise UserError(f"{path} gives {count} scores and its JSON names {self._classes} classes")


def _read_about(path: Path) -> dict:
    try:
        about = json.loads(path.read_text())
        black, white = (float(level) for level in about["range"])
        classes = [str(name) for name in about["classes"]]
        found = {"classes": classes, "range": (black, white), "logits": bool(about["logits"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} does not describe a classifier ({reason}); expected {ORIGIN}") from None
    if not set(classes) & set(EMOTIONS):
        raise UserError(f"{path} names none of {', '.join(EMOTIONS)}")
    return found
