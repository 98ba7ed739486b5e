"""How a face moves over time: curves of lips, lids and head angles at 25 frames a second."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from vasa_jax.types import FPS, SAMPLES_PER_FRAME

# An eye closes below the first and is open again above the second, in medians of the clip's openness.
BLINK_CLOSED, BLINK_OPEN = 0.8, 0.88


def correlation(first: Float[np.ndarray, " time"], second: Float[np.ndarray, " time"], least: int = 3) -> float:
    """Pearson's correlation over frames where both are finite; NaN for a constant or fewer than `least` frames."""
    both = np.isfinite(first) & np.isfinite(second)
    x, y = first[both], second[both]
    if len(x) < least or x.std() < 1e-9 or y.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def correlation_at(
    curve: Float[np.ndarray, " time"], reference: Float[np.ndarray, " time"], shift: int, least: int = 3
) -> float:
    """`correlation` of `curve` with the reference delayed by `shift` frames.

    In sync the peak over shifts is at 0; a peak at a positive shift means that the curve lags behind the
    reference. VASA-1, section 4.1, validates its score of audio and pose by such a curve of shifts.
    """
    late, early = max(shift, 0), max(-shift, 0)
    return correlation(curve[late : len(curve) - early], reference[early : len(reference) - late], least)


def blinks(
    openness: Float[np.ndarray, " time"], closed: float = BLINK_CLOSED, reopened: float = BLINK_OPEN
) -> int:
    """How many times the eyes close, counted with hysteresis; arguments as for `blink_floors`."""
    return len(blink_floors(openness, closed, reopened))


def blink_floors(
    openness: Float[np.ndarray, " time"], closed: float = BLINK_CLOSED, reopened: float = BLINK_OPEN
) -> list[float]:
    """The least openness in each blink, relative to the median.

    Args:
      openness: of the eyes in any unit; frames that are not finite are left out.
      closed, reopened: where a blink begins and ends, relative to the median.
    """
    values = openness[np.isfinite(openness)]
    floors, shut = [], False
    for value in values / np.median(values) if len(values) else values:
        if shut:
            floors[-1], shut = min(floors[-1], float(value)), value <= reopened
        elif value < closed:
            floors, shut = [*floors, float(value)], True
    return floors


def per_minute(count: int, frames: int) -> float:
    """Events in `frames` frames as a rate per minute."""
    return count * 60 * FPS / frames if frames else float("nan")


def head_motion(angles: Float[np.ndarray, "time 3"]) -> float:
    """dP of VASA-1, section 4.1: mean absolute change of yaw, pitch, roll from frame to frame, in degrees.

    Args:
      angles: radians; changes from or to a frame that is not finite are left out.
    """
    changes = np.abs(np.diff(np.degrees(angles), axis=0))
    changes = changes[np.isfinite(changes).all(1)]
    return float(changes.mean()) if len(changes) else float("nan")


def smooth(values: Float[np.ndarray, "time channels"], width: int = 5) -> Float[np.ndarray, "short channels"]:
    """A moving mean without the ends, so that jitter of landmarks does not rule `head_motion`."""
    if len(values) < width:
        return values[:0]
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=0)
    return windows.mean(-1)


def energy(audio: Float[np.ndarray, " samples"], width: int = 9) -> Float[np.ndarray, " time"]:
    """Loudness of each whole frame of audio at 16 kHz: root mean square, then a moving mean over `width` frames."""
    frames = len(audio) // SAMPLES_PER_FRAME
    power = (audio[: frames * SAMPLES_PER_FRAME].astype(np.float64) ** 2).reshape(frames, -1).mean(1)
    return moving_mean(np.sqrt(power), width)


def head_speed(angles: Float[np.ndarray, "time 3"], width: int = 9) -> Float[np.ndarray, " time"]:
    """Change of yaw, pitch and roll from the frame before in degrees, their mean absolute value, then a moving mean."""
    changes = np.abs(np.diff(np.degrees(angles), axis=0, prepend=np.degrees(angles[:1]))).mean(1)
    return moving_mean(changes, width)


def moving_mean(curve: Float[np.ndarray, " time"], width: int) -> Float[np.ndarray, " time"]:
    """Over `width` frames around each, fewer at the ends."""
    kernel = np.ones(width)
    return np.convolve(curve, kernel, "same") / np.convolve(np.ones(len(curve)), kernel, "same")


def finite_mean(values: Sequence[float | np.floating] | np.ndarray) -> float:
    """Mean of what is finite; NaN where nothing is."""
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite)]
    return float(finite.mean()) if len(finite) else float("nan")
