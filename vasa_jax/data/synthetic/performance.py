"""What a synthetic person does in a clip: lips, lids, brows, gaze, head motion, breathing, frame by frame."""

import dataclasses

import numpy as np
import scipy.interpolate
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from vasa_jax.data.synthetic import emotions, eyes, visemes
from vasa_jax.types import FPS, SAMPLES_PER_FRAME

HEAD_RANGE = np.radians([35.0, 18.0, 12.0])  # yaw, pitch, roll
EYE_RANGE = np.radians([38.0, 26.0])  # how far eyes turn in the head, yaw and pitch
LID_ANGLE = np.radians([35.0, 28.0])  # eye angle at which an eyeLook* coefficient is 1


@dataclasses.dataclass(frozen=True)
class Performance:
    """T frames. Angles in radians, shifts in image units (half the image side).

    Attributes:
      expression: (T, 57) coefficients.
      rotation: (T, 3) yaw, pitch, roll of the head.
      place: (T, 3) shift x, y and scale of the head in the image.
      body: (T, 3) the same of the shoulders.
      eye: (T, 2) yaw and pitch of the eyes in the head's frame.
      gaze: (T, 2) the same in the camera's frame.
      emotion: (6,) strengths.
    """

    expression: np.ndarray
    rotation: np.ndarray
    place: np.ndarray
    body: np.ndarray
    eye: np.ndarray
    gaze: np.ndarray
    emotion: np.ndarray


def talk(model, lips, audio: Float[np.ndarray, "samples"], phones: list, rng) -> Performance:
    """A person with `lips` saying `phones`, [(label, start s, end s)], heard as audio of 640 T samples."""
    frames = len(audio) // SAMPLES_PER_FRAME
    size = len(model.expression_names)
    energy = loudness(audio, frames)
    emotion = emotions.draw(rng)
    mouth, contact = visemes.curves(phones, frames, model.index, size, rng.uniform(0.85, 1.2))
    intensity = 0.9 + 0.15 * wander(rng, np.arange(frames), 2.0)
    feeling = emotions.offsets(emotion, model.index, size) * intensity[:, None]
    main, wanted = gaze_targets(rng, frames)
    rotation = head_turns(rng, energy) + np.array([0.3 * main[0], -0.3 * main[1], 0.0])
    eye, gaze = look(wanted, rotation)
    expression = mouth + feeling + brows(model, rng, energy) + lids(model, rng, eye, wanted)
    expression = np.clip(expression, 0, 1.15)
    expression = visemes.seal(expression, contact, lips, model.index("mouthClose")[0])
    place, body = places(rng, frames)
    return Performance(expression, rotation, place, body, eye, gaze, emotion)


def loudness(audio: Float[np.ndarray, "samples"], frames: int) -> Float[np.ndarray, "frames"]:
    """Loudness of speech in 0..1, smoothed over about a syllable."""
    power = np.sqrt(np.mean(audio[: frames * SAMPLES_PER_FRAME].reshape(frames, -1) ** 2, 1) + 1e-10)
    level = power / (np.percentile(power, 95) + 1e-4)
    return np.clip(gaussian_filter1d(level, 1.5), 0, 1)


def wander(rng, time, period):
    """Smooth noise of unit variance at `time` (frames); `period` seconds between independent values."""
    at = np.asarray(time) / (period * FPS)
    knots = rng.normal(size=int(at.max(initial=0)) + 5)
    return scipy.interpolate.CubicSpline(np.arange(-1, len(knots) - 1), knots)(at) * 1.1


def head_turns(rng, energy):
    """(T, 3): drifts whose clock runs with the speech, so the head rests in pauses, and nods on accents."""
    speaking = gaussian_filter1d((energy > 0.12).astype(float), 4.0, mode="nearest")
    clock = np.cumsum(0.12 + 0.88 * speaking)
    spread = np.radians([7.0, 3.4, 2.6]) * rng.uniform(0.7, 1.3)
    periods = rng.uniform(0.8, 1.6), rng.uniform(0.7, 1.3), rng.uniform(1.0, 2.0)
    drift = np.stack([wander(rng, clock, period) for period in periods], 1)
    rotation = drift * spread + rng.normal(size=3) * np.radians([3.5, 1.8, 1.4])
    accents = gaussian_filter1d(energy, 3.0) - gaussian_filter1d(energy, 12.0)
    rotation[:, 1] += np.radians(rng.uniform(3.0, 9.0)) * accents
    return np.clip(rotation, -HEAD_RANGE, HEAD_RANGE)


def gaze_targets(rng, frames):
    """The clip's main direction (2,) and the wanted gaze (T, 2): fixations joined by saccades."""
    main = np.zeros(2) if rng.random() < 0.6 else np.radians(rng.uniform([-25, -12], [25, 12]))
    wanted, start = np.empty((frames, 2)), 0
    while start < frames:
        away = rng.random() < 0.2
        length = int(FPS * (rng.uniform(0.25, 0.9) if away else rng.gamma(2.0, 0.9) + 0.4))
        jitter = rng.normal(size=2) * np.radians([11.0, 6.0] if away else [1.3, 0.9])
        wanted[start : start + length] = main + jitter
        start += length
    moved = np.abs(np.diff(wanted[:, 0], prepend=wanted[0, 0])) > 0
    half = 0.5 * (wanted + np.roll(wanted, 1, 0))
    wanted = np.where(moved[:, None], half, wanted)  # one frame on the way: a saccade takes about 40 ms
    return main, np.clip(wanted, -np.radians([32, 18]), np.radians([32, 18]))


def look(wanted, rotation):
    """Eyes in the head (T, 2) that look along `wanted` as far as they turn, and the resulting gaze (T, 2)."""
    heads = [eyes.rotation(*angles) for angles in rotation]
    eye = np.stack([eyes.eye_in_head(g, head) for g, head in zip(wanted, heads, strict=True)])
    eye = np.clip(eye, -EYE_RANGE, EYE_RANGE)
    return eye, np.stack([eyes.in_camera(e, head) for e, head in zip(eye, heads, strict=True)])


def eye_shapes(model, eye: Float[np.ndarray, "time 2"]) -> Float[np.ndarray, "time shapes"]:
    """eyeLook* coefficients for eyes turned by yaw and pitch: they move the lids along with the eyes."""
    result = np.zeros((len(eye), len(model.expression_names)))
    yaw, pitch = (eye / LID_ANGLE).T
    right, left, up, down = (np.clip(part, 0, 1) for part in (yaw, -yaw, pitch, -pitch))
    sides = {"eyeLookOut_L": right, "eyeLookIn_R": right, "eyeLookIn_L": left, "eyeLookOut_R": left}
    for name, value in (sides | {"eyeLookUp": up, "eyeLookDown": down}).items():
        result[:, model.index(name)] = value[:, None]
    return result


def lids(model, rng, eye, wanted):
    """(T, 57) blinks, more often at gaze shifts, on lids that follow the eyes."""
    result = eye_shapes(model, eye)
    frames, close = len(eye), np.zeros(len(eye))
    shift = np.abs(np.diff(wanted, axis=0, prepend=wanted[:1])).sum(1) > np.radians(5)
    start = int(rng.uniform(0.2, 3.0) * FPS)
    while start < frames:
        close = np.maximum(close, _blink(rng, frames, start))
        wait = start + int(FPS * rng.uniform(1.2, 4.5))
        shifts = np.nonzero(shift[start + FPS // 2 : wait])[0]
        start = start + FPS // 2 + shifts[0] if len(shifts) and rng.random() < 0.6 else wait
    squint = np.clip(0.08 + 0.06 * wander(rng, np.arange(frames), 1.5), 0, 1)
    down = result[:, model.index("eyeLookDown")[0]]
    result[:, model.index("eyeBlink")] += (close * (1 - 0.45 * down))[:, None]
    result[:, model.index("eyeSquint")] += squint[:, None]
    return result


def _blink(rng, frames, start):
    """(T,) one blink: closes in about 80 ms, opens in about 160 ms."""
    since = np.arange(frames) - start
    depth = rng.uniform(0.85, 1.0)
    return depth * np.interp(since, [-0.1, 1, 2, 3.2, 5.5 + rng.uniform(0, 1)], [0, 0.7, 1, 0.75, 0])


def brows(model, rng, energy):
    """(T, 57) brows that rise on some accents and drift slowly."""
    time = np.arange(len(energy))
    result = np.zeros((len(energy), len(model.expression_names)))
    accents = np.clip(gaussian_filter1d(energy, 3.0) - gaussian_filter1d(energy, 15.0), 0, 1)
    chosen = np.clip(wander(rng, time, 0.8), 0, 1.5)
    lift = np.clip(rng.uniform(0.5, 2.0) * accents * chosen + 0.08 * wander(rng, time, 1.5), 0, 0.8)
    frown = np.clip(0.1 * wander(rng, time, 2.0), 0, 0.4)
    result[:, model.index("browInnerUp")] = lift[:, None]
    result[:, model.index("browOuterUp")] = (rng.uniform(0.4, 1.0) * lift)[:, None]
    result[:, model.index("browDown")] = frown[:, None]
    return result


def places(rng, frames):
    """Head and shoulders in the image, (T, 3) each: both drift slowly, the shoulders less; breathing."""
    time = np.arange(frames)
    centre = rng.normal(size=3) * [0.03, 0.03, 0.04]
    sway = np.stack([wander(rng, time, period) for period in (1.2, 1.2, 1.6)], 1) * [0.018, 0.014, 0.015]
    breath = np.sin(2 * np.pi * time / (FPS * rng.uniform(3, 4.5)) + rng.uniform(0, 6))
    sway[:, 1] += 0.003 * breath
    place, body = centre + sway, centre + 0.35 * sway
    body[:, 1] += 0.004 * breath
    place[:, 2], body[:, 2] = np.exp(place[:, 2]), np.exp(body[:, 2])
    return place, body


def still(frames: int, size: int) -> Performance:
    """Neutral, frontal, looking into the camera; `size` coefficients."""
    place = np.tile([0.0, 0.0, 1.0], (frames, 1))
    expression, rotation, eye, gaze = (np.zeros((frames, n)) for n in (size, 3, 2, 2))
    return Performance(expression, rotation, place, place.copy(), eye, gaze, np.zeros(6))
