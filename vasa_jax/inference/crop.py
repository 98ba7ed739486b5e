"""Where the face is, and the square around it: a portrait is framed as the training frames are.

The detector is dlib's histogram-of-gradients one, which needs no model file. Its box and the canonical
framing (the head at pose [0, 0, 0, 0, 0, 0, 1], see `types.HeadPose`) differ by one shift and one factor,
measured on rendered heads.
"""

import warnings
from functools import cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.inference.media_warning import MediaWarning

WORKING_SIDES = (640, 1280, 2560)
REFINE_SIDES = (200, 214, 229, 245)
# The canonical square of a rendered head over the side of its detected box, and the way from the box's centre
# to the square's in such sides (y down): means over 24 heads of the synthetic data set at three scales each
# (standard deviations 0.087 and 0.020, for faces differ). `tests/inference/test_crop.py` measures them again.
FACE_BOX_TO_SIDE = 1.34
CENTRE_SHIFT = (0.0, 0.018)

Box = tuple[float, float, float]


def crop_face(pixels: UInt8[np.ndarray, "height width 3"], size: int) -> UInt8[np.ndarray, "size size 3"]:
    """The square around the largest face, as `size` x `size` pixels.

    Where the square leaves the picture, the nearest edge pixels continue it. Warns when there are several
    faces.

    Raises:
      UserError: no face was found.
    """
    x, y, side = largest_face(pixels)
    centre = (x + CENTRE_SHIFT[0] * side, y + CENTRE_SHIFT[1] * side)
    return cut_square(pixels, centre, side * FACE_BOX_TO_SIDE, size)


def crop_centre(pixels: UInt8[np.ndarray, "height width 3"], size: int) -> UInt8[np.ndarray, "size size 3"]:
    """The largest centred square of the picture, for portraits that are framed already."""
    height, width = pixels.shape[:2]
    return cut_square(pixels, (width / 2, height / 2), float(min(width, height)), size)


def largest_face(pixels: UInt8[np.ndarray, "height width 3"]) -> Box:
    """Centre x, centre y and side of the largest face's box, in pixels; UserError if there is no face."""
    boxes = _find_faces(pixels)
    if not boxes:
        raise UserError("no face was found in the portrait; if it is framed tightly around a face, add --no_crop")
    if len(boxes) > 1:
        warnings.warn(f"{len(boxes)} faces in the portrait; the largest is taken", MediaWarning, stacklevel=3)
    return _refine(pixels, max(boxes, key=lambda box: box[2]))


def cut_square(
    pixels: UInt8[np.ndarray, "height width 3"], centre: tuple[float, float], side: float, size: int
) -> UInt8[np.ndarray, "size size 3"]:
    """A square of given centre (x, y) and side in pixels, resampled; outside, edge pixels are repeated."""
    side = max(round(side), 1)
    left, top = round(centre[0] - side / 2), round(centre[1] - side / 2)
    rows = np.clip(np.arange(top, top + side), 0, pixels.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, pixels.shape[1] - 1)
    square = Image.fromarray(pixels[rows[:, None], columns])
    return np.asarray(square.resize((size, size), Image.Resampling.LANCZOS))


@cache
def _detector():
    import dlib

    return dlib.get_frontal_face_detector()


def _find_faces(pixels: np.ndarray) -> list[Box]:
    """At the smallest working size that shows a face: the detector sees faces of 80 pixels or more."""
    longest = max(pixels.shape[:2])
    for side in WORKING_SIDES:
        if boxes := _detect(pixels, side / longest):
            return boxes
        if side >= 2 * longest:
            break  # larger copies of a small picture show nothing new
    return []


def _detect(pixels: np.ndarray, zoom: float) -> list[Box]:
    height, width = pixels.shape[:2]
    copy = Image.fromarray(pixels).resize((max(round(width * zoom), 1), max(round(height * zoom), 1)))
    found = _detector()(np.asarray(copy), 0)
    return [
        (
            (box.left() + box.right() + 1) / 2 / zoom,
            (box.top() + box.bottom() + 1) / 2 / zoom,
            box.width() / zoom,
        )
        for box in found
    ]


def _refine(pixels: np.ndarray, box: Box) -> Box:
    """The detector's box sizes step by 6/5; the mean over slightly different zooms lies between the steps."""
    x, y, side = box
    found = [box]
    for refine_side in REFINE_SIDES:
        square = cut_square(pixels, (x, y), 2 * side, refine_side)
        left, top = round(x - side), round(y - side)
        near = _detect(square, 1.0)
        zoom = refine_side / (2 * side)
        if near:
            bx, by, bside = max(near, key=lambda b: b[2])
            found.append((left + bx / zoom, top + by / zoom, bside / zoom))
    return tuple(np.mean(found, axis=0).tolist())
