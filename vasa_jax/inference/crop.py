"""Where the face is, and the square around it: a portrait is framed as the training frames are.

Of a video, one square for the whole clip holds still: the way of the head through it is part of the motion.

The detector is dlib's histogram-of-gradients one, which needs no model file. Its box and the canonical
framing (the head at pose [0, 0, 0, 0, 0, 0, 1], see `types.HeadPose`) differ by one shift and one factor,
measured on rendered heads.
"""

import warnings
from collections.abc import Iterable
from functools import cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.inference.media_warning import MediaWarning
from vasa_jax.types import Framing

WORKING_SIDES = (640, 1280, 2560)
REFINE_SIDES = (200, 214, 229, 245)
# The canonical square of a rendered head over the side of its detected box, and the way from the box's centre
# to the square's in such sides (y down): means over 24 heads of the synthetic data set at three scales each
# (standard deviations 0.087 and 0.020, for faces differ). `tests/inference/test_crop.py` measures them again.
FACE_BOX_TO_SIDE = 1.34
CENTRE_SHIFT = (0.0, 0.018)
STEADY_FACES = 9
CANONICAL = Framing()

Box = tuple[float, float, float]
Square = tuple[tuple[float, float], float]


def crop_face(
    pixels: UInt8[np.ndarray, "height width 3"], size: int, what: str = "portrait", framing: Framing = CANONICAL
) -> UInt8[np.ndarray, "size size 3"]:
    """The square around the largest face, framed as a model takes it, as `size` x `size` pixels.

    Where the square leaves the picture, the nearest edge pixels continue it. Warns when there are several
    faces.

    Args:
      what: the picture's name in messages.

    Raises:
      UserError: no face was found.
    """
    return cut_square(pixels, *face_square(pixels, what, framing), size)


def face_square(
    pixels: UInt8[np.ndarray, "height width 3"], what: str = "portrait", framing: Framing = CANONICAL
) -> Square:
    """Centre and side of the square that `crop_face` cuts out; UserError if there is no face."""
    return framing.of(*square_around(largest_face(pixels, what)))


def steady_square(pictures: Iterable[UInt8[np.ndarray, "height width 3"]]) -> Square | None:
    """Centre and side of one square for a video, from some of its pictures in their order; None without a face.

    The face is the largest of the first picture that shows one, then whichever is nearest to where it was. Median
    over at most STEADY_FACES pictures, so that one false detection moves nothing; later pictures are not looked at.
    """
    boxes: list[Box] = []
    for pixels in pictures:
        found = _find_faces(pixels)
        if found and not boxes:
            boxes.append(_refine(pixels, _choose_largest(found, "driving video")))
        elif found:
            nearest = min(found, key=lambda box: _way(box, boxes[-1]))
            if _way(nearest, boxes[-1]) < boxes[-1][2]:
                boxes.append(_refine(pixels, nearest))
        if len(boxes) == STEADY_FACES:
            break
    return square_around(tuple(np.median(boxes, axis=0).tolist())) if boxes else None


def crop_centre(pixels: UInt8[np.ndarray, "height width 3"], size: int) -> UInt8[np.ndarray, "size size 3"]:
    """The largest centred square of the picture, for portraits that are framed already."""
    return cut_square(pixels, *centre_square(pixels), size)


def centre_square(pixels: UInt8[np.ndarray, "height width 3"]) -> Square:
    """Centre and side of the square that `crop_centre` cuts out."""
    height, width = pixels.shape[:2]
    return (width / 2, height / 2), float(min(width, height))


def largest_face(pixels: UInt8[np.ndarray, "height width 3"], what: str = "portrait") -> Box:
    """Centre x, centre y and side of the largest face's box, in pixels; UserError if there is no face."""
    boxes = _find_faces(pixels)
    if not boxes:
        raise UserError(f"no face was found in the {what}; if it is framed tightly around a face, add --no_crop")
    return _refine(pixels, _choose_largest(boxes, what))


def square_around(box: Box) -> Square:
    """Centre and side of the canonical square of a face whose box was found."""
    x, y, side = box
    return (x + CENTRE_SHIFT[0] * side, y + CENTRE_SHIFT[1] * side), side * FACE_BOX_TO_SIDE


def cut_square(
    pixels: UInt8[np.ndarray, "height width 3"], centre: tuple[float, float], side: float, size: int
) -> UInt8[np.ndarray, "size size 3"]:
    """A square of given centre (x, y) and side in pixels, resampled; outside, edge pixels are repeated."""
    left, top, side = pixel_square(centre, side)
    height, width = pixels.shape[:2]
    if 0 <= left <= width - side and 0 <= top <= height - side:
        square = pixels[top : top + side, left : left + side]
    else:
        rows = np.clip(np.arange(top, top + side), 0, height - 1)
        columns = np.clip(np.arange(left, left + side), 0, width - 1)
        square = pixels[rows[:, None], columns]
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.LANCZOS))


def pixel_square(centre: tuple[float, float], side: float) -> tuple[int, int, int]:
    """Left, top and side of the whole pixels that `cut_square` takes."""
    pixels = max(round(side), 1)
    return round(centre[0] - pixels / 2), round(centre[1] - pixels / 2), pixels


def _choose_largest(boxes: list[Box], what: str) -> Box:
    if len(boxes) > 1:
        warnings.warn(f"{len(boxes)} faces in the {what}; the largest is taken", MediaWarning, stacklevel=4)
    return max(boxes, key=lambda box: box[2])


def _way(box: Box, other: Box) -> float:
    """Between the centres, in pixels."""
    return float(np.hypot(box[0] - other[0], box[1] - other[1]))


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
