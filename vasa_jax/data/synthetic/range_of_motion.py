"""Range clips: unrelated frames of wide poses and strong expressions, to teach stage 1 what a face can do."""

import numpy as np

from vasa_jax.data.synthetic import performance
from vasa_jax.data.synthetic.performance import HEAD_RANGE, Performance

# fmt: off
# Mouth shapes to draw from: (weight, {shape: (low, high)}).
MOUTHS = (
    (1, {}),
    (4, dict(jawOpen=(0.1, 0.9), mouthLowerDown=(0, 0.45), mouthUpperUp=(0, 0.35), mouthStretch=(0, 0.35))),
    (1.5, dict(mouthPucker=(0.3, 1), mouthFunnel=(0, 0.5), jawOpen=(0, 0.3))),
    (1.5, dict(mouthFunnel=(0.3, 1), mouthPucker=(0, 0.4), jawOpen=(0, 0.55))),
    (1.5, dict(mouthSmile=(0.3, 1), jawOpen=(0, 0.4), cheekSquint=(0, 0.7), mouthUpperUp=(0, 0.4))),
    (1.5, dict(mouthRollLower=(0.2, 0.6), mouthRollUpper=(0.1, 0.5), mouthPress=(0.2, 0.8))),
    (1, dict(mouthRollLower=(0.4, 0.8), mouthUpperUp=(0.1, 0.4), jawOpen=(0.03, 0.12))),
    (1.5, dict(mouthStretch=(0.2, 0.7), mouthLowerDown=(0.2, 0.6), mouthUpperUp=(0.1, 0.5),
               jawOpen=(0, 0.3))),
    (0.7, dict(mouthFrown=(0.2, 0.9), mouthShrugLower=(0, 0.5), jawOpen=(0, 0.3))),
    (0.4, dict(cheekPuff=(0.3, 0.9), mouthPress=(0.2, 0.6))),
    (0.4, dict(mouthLeft=(0.2, 0.8), jawOpen=(0, 0.3))),
    (0.4, dict(mouthRight=(0.2, 0.8), jawOpen=(0, 0.3))),
)
# fmt: on
# Other parts of the face: (probability, {shape: (low, high)}).
OTHERS = (
    (0.22, dict(eyeBlink=(0.7, 1.0))),
    (0.2, dict(eyeBlink=(0.1, 0.6))),
    (0.15, dict(eyeWide=(0.2, 1.0))),
    (0.25, dict(eyeSquint=(0.1, 0.8))),
    (0.3, dict(browInnerUp=(0.2, 1.0), browOuterUp=(0.0, 1.0))),
    (0.2, dict(browDown=(0.2, 1.0))),
    (0.15, dict(noseSneer=(0.2, 0.9))),
    (0.15, dict(mouthSmile=(0.1, 0.6))),
)
SPREAD = np.radians([16.0, 7.5, 5.5])
GAZE_SPREAD, GAZE_RANGE = np.radians([14.0, 8.0]), np.radians([40.0, 22.0])


def perform(model, lips, frames: int, rng) -> Performance:
    """A Performance of `frames` unrelated frames; frame 0 is neutral, frontal and looks into the camera."""
    expression = np.stack([_face(model, rng) for _ in range(frames)])
    rotation = np.clip(rng.normal(size=(frames, 3)) * SPREAD, -HEAD_RANGE, HEAD_RANGE)
    place = rng.normal(size=(frames, 3)) * [0.04, 0.04, 0.05]
    place[:, 2] = np.exp(place[:, 2])
    body = place + rng.normal(size=(frames, 3)) * [0.01, 0.01, 0.005]
    wanted = np.clip(rng.normal(size=(frames, 2)) * GAZE_SPREAD, -GAZE_RANGE, GAZE_RANGE)
    at_camera = rng.random(frames) < 0.35
    wanted[at_camera] = 0.0
    for array in (expression, rotation, wanted):
        array[0] = 0.0
    place[0], body[0] = (0, 0, 1), (0, 0, 1)
    eye, gaze = performance.look(wanted, rotation)
    expression = np.clip(expression + performance.eye_shapes(model, eye), 0, 1)
    expression = _open_lips(expression, lips, model.index("mouthClose")[0])
    return Performance(expression, rotation, place, body, eye, gaze, np.zeros(6))


def _face(model, rng):
    """(57,) one random expression without gaze."""
    coefficients = np.zeros(len(model.expression_names))
    weights = np.array([weight for weight, _ in MOUTHS])
    chosen = MOUTHS[rng.choice(len(MOUTHS), p=weights / weights.sum())][1]
    drawn = [chosen] + [shapes for probability, shapes in OTHERS if rng.random() < probability]
    for shapes in drawn:
        for name, (low, high) in shapes.items():
            value, lopsided = rng.uniform(low, high), rng.random() < 0.15
            for place in model.index(name):
                share = rng.uniform(0.3, 1) if lopsided else 1
                coefficients[place] = max(coefficients[place], value * share)
    return coefficients


def _open_lips(expression, lips, close):
    """Keeps lips from passing through each other."""
    opening = lips.opening(expression)
    result = expression.copy()
    result[:, close] += (np.maximum(opening, -0.012) - opening) / lips.slopes[close]
    return result
