"""Emotions as offsets to the expression coefficients, and their drawing for a clip."""

import numpy as np

from vasa_jax.types import EMOTIONS

FACES = {
    "happy": dict(
        mouthSmile=0.62, cheekSquint=0.5, cheekRaiser=0.3, eyeSquint=0.25, mouthDimple=0.2, browOuterUp=0.12
    ),
    "sad": dict(
        browInnerUp=0.85, mouthFrown=0.6, mouthShrugLower=0.25, eyeSquint=0.15, eyeBlink=0.12, browDown=0.1
    ),
    "angry": dict(
        browDown=0.95, noseSneer=0.3, eyeSquint=0.4, mouthFrown=0.25, mouthPress=0.2, jawForward=0.25
    ),
    "surprised": dict(browInnerUp=0.85, browOuterUp=0.95, eyeWide=0.85, jawOpen=0.12),
    "afraid": dict(browInnerUp=0.9, browOuterUp=0.3, eyeWide=0.6, mouthStretch=0.5, mouthFrown=0.2),
    "disgusted": dict(
        noseSneer=0.85, mouthUpperUp=0.35, browDown=0.55, cheekRaiser=0.4, mouthFrown=0.35, eyeSquint=0.2
    ),
}


def draw(rng):
    """(6,) strengths: half of the clips are neutral, most others show one emotion, some two."""
    strengths = np.zeros(len(EMOTIONS))
    if rng.random() < 0.5:
        return strengths
    first, second = rng.choice(len(EMOTIONS), 2, replace=False)
    strengths[first] = rng.uniform(0.3, 1.0)
    if rng.random() < 0.15:
        strengths[second] = rng.uniform(0.3, 0.6)
    return strengths


def offsets(strengths, index, size):
    """(6,) strengths -> (57,) offsets."""
    total = np.zeros(size)
    for strength, name in zip(strengths, EMOTIONS, strict=True):
        for shape, value in FACES[name].items():
            total[index(shape)] += strength * value
    return total
