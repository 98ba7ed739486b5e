"""What is measured of a long performance, from curves at 25 frames a second; angles in radians."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

from vasa_jax.evaluation import signals
from vasa_jax.evaluation.readouts import Readouts
from vasa_jax.types import FPS

WINDOW = 30 * FPS  # frames of a window that drift is seen over
CLIP = 5 * FPS  # of a stretch that is compared with a clip of the data
SHUT = 0.3  # of the mean opening in speech: lips under it count as shut


@dataclasses.dataclass(frozen=True)
class Curves:
    """Of one performance: lip opening (T,), openness of the eyes (T,), yaw, pitch and roll (T, 3), and the standardised
    motion itself (T, M)."""

    lips: Float[np.ndarray, " time"]
    eyes: Float[np.ndarray, " time"]
    angles: Float[np.ndarray, "time 3"]
    motion: Float[np.ndarray, "time motion"]


def read(readouts: Readouts, motion: np.ndarray) -> Curves:
    """Curves of standardised motion."""
    return Curves(
        readouts.lip_opening(motion), readouts.eye_openness(motion), readouts.head_angles(motion), motion
    )  # fmt: skip


def behaviour(clips: list[tuple[Curves, np.ndarray]]) -> dict[str, float]:
    """What can be measured of clips of the data too.

    Args:
      clips: curves and audio (640 T,) of each.

    Returns:
      blinks_per_minute; head_motion, dP in degrees a frame; head_with_energy and lips_with_energy, correlations of head
      speed and lip opening with the loudness of speech, as means over clips.
    """
    frames = sum(len(curves.eyes) for curves, _ in clips)
    blinks = sum(signals.blinks(curves.eyes) for curves, _ in clips)
    loud = [(curves, signals.energy(audio)) for curves, audio in clips]
    with_energy = {
        "head": [signals.correlation(signals.head_speed(curves.angles), energy) for curves, energy in loud],
        "lips": [signals.correlation(signals.moving_mean(curves.lips, 9), energy) for curves, energy in loud],
    }
    return {
        "blinks_per_minute": signals.per_minute(blinks, frames),
        "head_motion": float(np.mean([signals.head_motion(curves.angles) for curves, _ in clips])),
        **{f"{name}_with_energy": signals.finite_mean(values) for name, values in with_energy.items()},
    }


def cut(curves: Curves, audio: np.ndarray) -> list[tuple[Curves, np.ndarray]]:
    """A long performance as stretches of CLIP frames, to compare with clips of the data; blinks cut in two are rare."""
    stretches, samples = len(curves.lips) // CLIP, len(audio) // len(curves.lips)
    return [
        (_part(curves, slice(k * CLIP, (k + 1) * CLIP)), audio[k * CLIP * samples : (k + 1) * CLIP * samples])
        for k in range(stretches)
    ]


def pauses(curves: Curves, speech: Bool[np.ndarray, " time"], rest: Bool[np.ndarray, " time"]) -> dict[str, float]:
    """How the head behaves while nothing is heard.

    Returns:
      lips_speech, lips_rest: mean opening; shut: share of the frames at rest with lips under SHUT of `lips_speech`;
      alive: mean |change| of the motion from frame to frame at rest over that in speech, 0 for a frozen head;
      head_rest, head_speech: the same change of the head, dP in degrees a frame.
    """
    opening = float(curves.lips[speech].mean())
    change = np.abs(np.diff(curves.motion, axis=0, prepend=curves.motion[:1])).mean(1)
    turning = signals.head_speed(curves.angles, 1)
    return {
        "lips_speech": opening,
        "lips_rest": signals.finite_mean(curves.lips[rest]),
        "shut": signals.finite_mean(curves.lips[rest] < SHUT * opening),
        "alive": signals.finite_mean(change[rest]) / signals.finite_mean(change[speech]),
        "head_rest": signals.finite_mean(turning[rest]),
        "head_speech": signals.finite_mean(turning[speech]),
    }


def drift(curves: Curves) -> dict[str, dict[str, float]]:
    """Change over the whole performance, by a straight line through windows of WINDOW frames.

    Returns:
      by quantity, {"change": over the whole length, "bar": two standard errors of it, "level": mean of the windows}:
      "yaw", "pitch", "roll" (degrees), "pose amplitude" (mean standard deviation of the three in a window, degrees),
      "lip amplitude" (standard deviation of the opening), "motion amplitude" (of standardised motion). Fewer than 3
      windows have no bar (NaN).
    """
    parts = [_part(curves, slice(k, k + WINDOW)) for k in range(0, len(curves.lips) - WINDOW + 1, WINDOW)]
    degrees = [np.degrees(part.angles) for part in parts]
    quantities = {
        **{name: [angles[:, k].mean() for angles in degrees] for k, name in enumerate(("yaw", "pitch", "roll"))},
        "pose amplitude": [angles.std(0).mean() for angles in degrees],
        "lip amplitude": [part.lips.std() for part in parts],
        "motion amplitude": [part.motion.std(0).mean() for part in parts],
    }
    return {name: _line(np.array(values)) for name, values in quantities.items()}


def _line(values: np.ndarray) -> dict[str, float]:
    if len(values) < 3:
        return {"change": float("nan"), "bar": float("nan"), "level": signals.finite_mean(values)}
    time = np.arange(len(values)) - (len(values) - 1) / 2
    slope = (time @ values) / (time @ time)
    error = values - values.mean() - slope * time
    spread = np.sqrt((error @ error) / (len(values) - 2) / (time @ time))
    whole = len(values)
    return {"change": float(slope * whole), "bar": float(2 * spread * whole), "level": float(values.mean())}


def between_seeds(performances: list[Curves]) -> dict[str, float]:
    """Correlations between the same speech with different seeds, means over pairs: lips should agree, heads should not;
    and the mean difference of the head's angles in degrees. NaN for a single one."""
    pairs = [(a, b) for i, a in enumerate(performances) for b in performances[:i]]
    heads = [signals.correlation(a.angles[:, k], b.angles[:, k]) for a, b in pairs for k in range(3)]
    return {
        "lips": signals.finite_mean([signals.correlation(a.lips, b.lips) for a, b in pairs]),
        "head": signals.finite_mean(heads),
        "head_degrees": signals.finite_mean([np.degrees(np.abs(a.angles - b.angles)).mean() for a, b in pairs]),
    }


def _part(curves: Curves, which: slice) -> Curves:
    return Curves(*(getattr(curves, field.name)[which] for field in dataclasses.fields(curves)))
