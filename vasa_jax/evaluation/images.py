"""How close pictures are: PSNR and SSIM, over whole frames or a box in them. Inputs are uint8 RGB."""

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.ndimage import gaussian_filter

PEAK = 255.0
# The error of rounding to whole levels: identical pictures get a finite 58.9 dB.
LEAST_SQUARED_ERROR = 1 / 12
LUMA = (0.299, 0.587, 0.114)
SSIM_SIGMA, SSIM_RADIUS = 1.5, 5
SSIM_STABILISERS = ((0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2)
LIPS = slice(48, 68)


def psnr(image: UInt8[np.ndarray, "height width 3"], truth: UInt8[np.ndarray, "height width 3"]) -> float:
    """10 log10(255^2 / mean squared error) in dB over all pixels and channels."""
    error = np.mean((image.astype(np.float64) - truth.astype(np.float64)) ** 2)
    return float(10 * np.log10(PEAK**2 / max(error, LEAST_SQUARED_ERROR)))


def ssim(image: UInt8[np.ndarray, "height width 3"], truth: UInt8[np.ndarray, "height width 3"]) -> float:
    """Structural similarity of the luma, mean over all pixels, at most 1 (Wang et al. 2004, window 11)."""
    x, y = _luma(image), _luma(truth)

    def blur(plane):
        return gaussian_filter(plane, SSIM_SIGMA, radius=SSIM_RADIUS)

    mean_x, mean_y = blur(x), blur(y)
    variances = blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    first, second = SSIM_STABILISERS
    ratio = (2 * mean_x * mean_y + first) * (2 * covariance + second)
    return float(np.mean(ratio / ((mean_x**2 + mean_y**2 + first) * (variances + second))))


def detail(image: UInt8[np.ndarray, "height width 3"], truth: UInt8[np.ndarray, "height width 3"]) -> float:
    """Mean square of the luma's differences between neighbouring pixels, over that of the truth: below 1 is softer."""

    def power(plane):
        return np.mean(np.diff(plane, axis=0) ** 2) + np.mean(np.diff(plane, axis=1) ** 2)

    return float(power(_luma(image)) / max(power(_luma(truth)), LEAST_SQUARED_ERROR))


def _luma(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float64) @ np.array(LUMA)


def mouth_box(landmarks: Float[np.ndarray, "68 2"], size: int, margin: float = 0.4) -> Int[np.ndarray, "4"]:
    """The mouth in pixels: top, bottom, left, right (the second and fourth excluded), inside the image.

    Args:
      landmarks: iBUG order in [-1, 1], x right, y up.
      size: of the square image in pixels.
      margin: on each side, in widths of the mouth.
    """
    lips = landmarks[LIPS]
    low, high = lips.min(0), lips.max(0)
    room = margin * (high[0] - low[0])
    left, right = (low[0] - room + 1) * size / 2, (high[0] + room + 1) * size / 2
    top, bottom = (1 - high[1] - room) * size / 2, (1 - low[1] + room) * size / 2
    box = np.array([np.floor(top), np.ceil(bottom), np.floor(left), np.ceil(right)])
    return np.clip(box, 0, size).astype(np.int64)


def cut(image: UInt8[np.ndarray, "height width 3"], box: Int[np.ndarray, "4"]) -> UInt8[np.ndarray, "h w 3"]:
    """The pixels of a box of `mouth_box`."""
    top, bottom, left, right = box
    return image[top:bottom, left:right]
