"""Finding one face in a frame: MediaPipe's short-range detector (BlazeFace, arXiv 1907.05047).

It gives the landmark network its first crop. A face that fills its frame, as ours do, is too near for a
short-range detector, so the frame is looked at with a margin around it.
"""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

SIDE = 128
# (grid side, anchors a cell): strides 8 and then three times 16 over the 128 x 128 input.
ANCHOR_GRIDS = ((16, 2), (8, 6))
SCORE_THRESHOLD = 0.5
MARGIN = 0.3
# A detection box spans brows to mouth; the landmark network wants the whole head around it.
BOX_TO_CROP = 1.5
REACH = 3  # pixels beyond a crop that its resampling looks at


@dataclasses.dataclass(frozen=True)
class Crop:
    """A rotated square of a frame.

    Attributes:
      centre: (2,) x and y in pixels, x right and y down, (0, 0) at the outer corner of the first pixel.
      side: in pixels.
      angle: radians, clockwise as seen; 0 is upright.
    """

    centre: np.ndarray
    side: float
    angle: float

    def axes(self) -> np.ndarray:
        """(2, 2): the crop's right and down directions in the frame, of length `side`."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return self.side * np.array([[cosine, sine], [-sine, cosine]])

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Maps (..., 2) points of the crop, [0, 1] from its top left, to pixels of the frame."""
        return self.centre + (points - 0.5) @ self.axes()

    def cut(self, frame: UInt8[np.ndarray, "height width 3"], size: int) -> UInt8[np.ndarray, "size size 3"]:
        """The crop, resampled to `size` pixels; outside the frame its border repeats."""
        frame, first = self._surroundings(frame)
        right, down = self.axes() / size
        corner = self.centre - first - (right + down) * size / 2
        affine = (right[0], down[0], corner[0], right[1], down[1], corner[1])
        image = Image.fromarray(frame)
        return np.asarray(image.transform((size, size), Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC))

    def _surroundings(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The upright part of a frame that the crop lies in, so that a large one is not copied whole, and its first
        pixel's x and y; outside the frame its border repeats."""
        corners = self.to_frame(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]))
        low, high = (np.floor(corners.min(0)) - REACH).astype(int), (np.ceil(corners.max(0)) + REACH).astype(int)
        limits = np.array([frame.shape[1], frame.shape[0]])
        first, last = np.clip(low, 0, limits - 1), np.clip(high, 1, limits)
        part = frame[first[1] : last[1], first[0] : last[0]]
        before, behind = first - low, high - last
        if (before > 0).any() or (behind > 0).any():
            margins = np.maximum([before, behind], 0)
            part = np.pad(part, ((margins[0, 1], margins[1, 1]), (margins[0, 0], margins[1, 0]), (0, 0)), mode="edge")
            first = np.minimum(first, low)
        return np.ascontiguousarray(part), first


def whole(frame: UInt8[np.ndarray, "height width 3"], margin: float) -> Crop:
    """The upright square around the whole frame, wider by `margin` of its longer side on each side."""
    height, width = frame.shape[:2]
    return Crop(np.array([width / 2, height / 2]), max(height, width) * (1 + 2 * margin), 0.0)


@functools.cache
def anchors() -> Float[np.ndarray, "896 2"]:
    """Centres of the detector's anchors in [0, 1], in the order of its outputs."""
    grids = []
    for side, count in ANCHOR_GRIDS:
        rows, columns = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
        centres = (np.stack([columns, rows], -1).reshape(-1, 1, 2) + 0.5) / side
        grids.append(np.broadcast_to(centres, (side * side, count, 2)).reshape(-1, 2))
    return np.concatenate(grids)


def decode(regressors: Float[np.ndarray, "896 16"], logits: Float[np.ndarray, "896"], crop: Crop) -> Crop | None:
    """The crop for the landmark network around the best face, or None where no score is over the threshold; see
    `decode_all`."""
    found = decode_all(regressors, logits, crop)
    return found[0] if found else None


def decode_all(regressors: Float[np.ndarray, "896 16"], logits: Float[np.ndarray, "896"], crop: Crop) -> list[Crop]:
    """The crops for the landmark network around the faces whose score is over the threshold, the best first; of those
    that lie on top of each other the best.

    Args:
      regressors: box centre, box size, then six points (eyes, nose, mouth, ears), as offsets from the anchors
        in pixels of the detector's input.
      logits: face scores before the sigmoid.
      crop: the part of the frame that the detector was shown.
    """
    over = np.flatnonzero(logits >= np.log(SCORE_THRESHOLD / (1 - SCORE_THRESHOLD)))
    found: list[Crop] = []
    for index in over[np.argsort(-logits[over], kind="stable")]:
        values = regressors[index].reshape(8, 2) / SIDE
        points = crop.to_frame(anchors()[index] + values[[0, 2, 3]])
        centre, (first_eye, second_eye) = points[0], points[1:]
        side = float(values[1].max()) * crop.side * BOX_TO_CROP
        found.append(Crop(centre, side, angle_of(second_eye - first_eye)))
    return distinct(found)


def distinct(faces: list[Crop]) -> list[Crop]:
    """Those whose centres are not within another that comes before them."""
    kept: list[Crop] = []
    for face in faces:
        if all(np.abs(face.centre - other.centre).max() > other.side / 2 for other in kept):
            kept.append(face)
    return kept


def angle_of(direction: np.ndarray) -> float:
    """Clockwise angle in radians of a (x, y) direction of the frame from the horizontal."""
    return float(np.arctan2(direction[1], direction[0]))
