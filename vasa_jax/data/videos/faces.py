"""The faces in a frame, behind an interface of two methods that another detector can fill."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import flax.struct
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vasa_jax.judges import detector
from vasa_jax.judges.detector import Crop
from vasa_jax.judges.landmarks import SCORE_THRESHOLD, LandmarkJudge, face_crop

Pixels = UInt8[np.ndarray, "height width 3"]

SMALL_SIDE = 384  # longest side of the copy that the detector looks at
NEAR = 0.6  # side of the squares that are looked at where no face is found, of the frame's shorter side
SEE_SECOND = 0.5  # least share of a first face's side that a second one needs to count as a face


@flax.struct.dataclass
class Face:
    """A face in one frame, in the frame's pixels, x right, y down, z away from the camera.

    Attributes:
      points: (468, 3) MediaPipe's mesh.
      eyes: (2, 17, 2) contour and centre of the iris of the eye on the image's left and of the other.
      score: probability in [0, 1] that this is a face.
    """

    points: np.ndarray
    eyes: np.ndarray
    score: float

    @property
    def crop(self) -> Crop:
        """The rotated square around it."""
        return face_crop(self.points)


@runtime_checkable
class Faces(Protocol):
    """What finds and reads faces. `name` is recorded as the source of the labels."""

    name: str

    def find(self, frame: Pixels) -> list[Face]:
        """All faces of a frame, the largest first."""

    def read(self, frame: Pixels, crop: Crop) -> Face | None:
        """The face in such a square, which may come from the frame before; None if there is none."""


class MediaPipeFaces:
    """MediaPipe's short-range detector, face mesh and iris network (Apache-2.0), run by ai-edge-litert.

    The detector is made for faces near the camera; it looks at the whole frame, at squares along its longer side and,
    where these show none, at smaller squares.

    Args:
      folder: with the three graphs, see judges.landmarks.

    Raises:
      UserError: the runtime is not installed, or a graph is missing or damaged.
    """

    name = "mediapipe"

    def __init__(self, folder: str | Path):
        self._judge = LandmarkJudge(folder)

    def find(self, frame: Pixels) -> list[Face]:
        zoom = min(1.0, SMALL_SIDE / max(frame.shape[:2]))
        small = shrunk(frame, zoom)
        for some in (views(small), near_views(small)):
            crops = [crop for view in some for crop in self._judge.detect_all(small, view)]
            crops = [Crop(crop.centre / zoom, crop.side / zoom, crop.angle) for crop in crops]
            if found := self._confirmed(frame, crops):
                return found
        return []

    def _confirmed(self, frame: Pixels, crops: list[Crop]) -> list[Face]:
        """The faces, each once, that the landmark network sees in these squares; the detector alone errs too often."""
        found: list[Face] = []
        for crop in crops:
            if all(apart(crop, face.crop) for face in found):
                face = self.read(frame, crop)
                if face is not None and all(apart(face.crop, other.crop) for other in found):
                    found.append(face)
        return sorted(found, key=lambda face: -face.crop.side)

    def read(self, frame: Pixels, crop: Crop) -> Face | None:
        points, score = self._judge.read_mesh(frame, crop)
        if score < SCORE_THRESHOLD:
            return None
        return Face(points, self._judge.read_eyes(frame, points), score)


def apart(crop: Crop, other: Crop) -> bool:
    """Whether the middle of one square lies outside of the other."""
    return bool(np.abs(crop.centre - other.centre).max() > other.side / 2)


def shrunk(frame: Pixels, zoom: float) -> np.ndarray:
    """A copy of `zoom` times the size, at most 1."""
    if zoom == 1:
        return frame
    height, width = frame.shape[:2]
    size = max(round(zoom * width), 1), max(round(zoom * height), 1)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR))


def views(frame: Pixels) -> list[Crop]:
    """The whole frame with a margin, for near faces, and overlapping squares along its longer side."""
    short = min(frame.shape[:2])
    return [detector.whole(frame, detector.MARGIN), *squares(frame, float(short), short / 2)]


def near_views(frame: Pixels) -> list[Crop]:
    """Smaller squares, for faces that are small in the frame; their overlap is as large as such a face."""
    short = min(frame.shape[:2])
    return squares(frame, NEAR * short, (2 * NEAR - 1) * short)


def squares(frame: Pixels, side: float, overlap: float) -> list[Crop]:
    """Upright squares that cover a frame and overlap by so many pixels at least."""
    rows, columns = (
        np.linspace(side / 2, length - side / 2, max(1, int(np.ceil((length - overlap) / (side - overlap) - 1e-6))))
        for length in frame.shape[:2]
    )
    return [Crop(np.array([x, y]), side, 0.0) for y in rows for x in columns]
