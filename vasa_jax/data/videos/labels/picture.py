"""How good the pictures of a face are: sharpness and brightness of each frame."""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

SIDE = 256  # pixels that the middle of a picture is brought to, so that all sizes are held to one measure
MIDDLE = 0.6  # of the picture's side: the face, without the background beside it
LUMA = (0.299, 0.587, 0.114)  # of RGB, ITU-R BT.601


def sharpness(frames: UInt8[np.ndarray, "time side side 3"]) -> Float[np.ndarray, " time"]:
    """Deviation of the Laplacian over that of the brightness, in the middle of each frame at 256 pixels; no unit.

    The focus measure of Pech-Pacheco et al. (ICPR 2000), freed of contrast, after a binomial filter that keeps the
    camera's noise from counting as detail. Canonical squares that were 128 pixels wide have about 0.1, brought up from
    64 pixels 0.03, from 32 pixels 0.015.
    """
    return np.array([_sharpness(frame) for frame in frames], np.float32)


def brightness(frames: UInt8[np.ndarray, "time side side 3"]) -> Float[np.ndarray, " time"]:
    """Mean luma in the middle of each frame, 0 black to 1 white."""
    return np.array([_middle(frame).mean() / 255 for frame in frames], np.float32)


def _sharpness(frame: np.ndarray) -> float:
    luma = _smooth(_smooth(_middle(frame)).T).T
    inside = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inside
    return float(laplacian.std() / max(inside.std(), 1.0))


def _smooth(luma: np.ndarray) -> np.ndarray:
    """1, 2, 1 along the first axis."""
    return (luma[:-2] + 2 * luma[1:-1] + luma[2:]) / 4


def _middle(frame: np.ndarray) -> np.ndarray:
    """Luma (SIDE, SIDE) in [0, 255] of the middle of a frame."""
    side = len(frame)
    edge = round(side * (1 - MIDDLE) / 2)
    square = Image.fromarray(np.ascontiguousarray(frame[edge : side - edge, edge : side - edge]))
    resized = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)
    return resized @ np.array(LUMA, np.float32)
