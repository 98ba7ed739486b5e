"""Phones to mouth shapes over time: each phone pulls the mouth towards its viseme, neighbours blend.

The blend follows the idea of dominance functions (Cohen and Massaro, Modeling Coarticulation in Synthetic
Visual Speech, 1993): the shape at a time is the mean of all targets, weighted by how strongly each phone
rules there.
"""

import numpy as np

from vasa_jax.types import FPS

TARGETS = {
    "rest": {},
    "bilabial": dict(mouthRollLower=0.35, mouthRollUpper=0.3, mouthPress=0.45, jawOpen=0.04),
    "labiodental": dict(mouthRollLower=0.6, mouthUpperUp=0.3, mouthShrugLower=0.15, jawOpen=0.08),
    "dental": dict(jawOpen=0.2, mouthLowerDown=0.3, mouthUpperUp=0.15),
    "alveolar": dict(jawOpen=0.15, mouthLowerDown=0.3, mouthUpperUp=0.2),
    "sibilant": dict(jawOpen=0.06, mouthStretch=0.35, mouthLowerDown=0.4, mouthUpperUp=0.3),
    "postalveolar": dict(jawOpen=0.1, mouthFunnel=0.65, mouthLowerDown=0.2),
    "velar": dict(jawOpen=0.22, mouthLowerDown=0.25, mouthUpperUp=0.05),
    "rhotic": dict(jawOpen=0.14, mouthFunnel=0.4, mouthPucker=0.25),
    "open": dict(jawOpen=0.62, mouthLowerDown=0.25, mouthUpperUp=0.15),
    "mid": dict(jawOpen=0.38, mouthStretch=0.3, mouthLowerDown=0.3, mouthUpperUp=0.2),
    "spread": dict(jawOpen=0.18, mouthSmile=0.3, mouthStretch=0.4, mouthLowerDown=0.3, mouthUpperUp=0.1),
    "rounded": dict(jawOpen=0.42, mouthFunnel=0.65, mouthPucker=0.2),
    "pursed": dict(jawOpen=0.18, mouthPucker=0.8, mouthFunnel=0.35),
    "neutral": dict(jawOpen=0.27, mouthLowerDown=0.18, mouthUpperUp=0.08),
}
# fmt: off
VISEMES = {
    "SIL": ["rest"], "P": ["bilabial"], "B": ["bilabial"], "M": ["bilabial"],
    "F": ["labiodental"], "V": ["labiodental"], "TH": ["dental"], "DH": ["dental"],
    "T": ["alveolar"], "D": ["alveolar"], "N": ["alveolar"], "L": ["alveolar"],
    "S": ["sibilant"], "Z": ["sibilant"],
    "CH": ["postalveolar"], "JH": ["postalveolar"], "SH": ["postalveolar"], "ZH": ["postalveolar"],
    "K": ["velar"], "G": ["velar"], "NG": ["velar"], "HH": ["neutral"], "R": ["rhotic"], "ER": ["rhotic"],
    "AA": ["open"], "AE": ["open"], "AY": ["open", "spread"], "AW": ["open", "pursed"], "AH": ["neutral"],
    "EH": ["mid"], "EY": ["mid", "spread"], "IH": ["spread"], "IY": ["spread"], "Y": ["spread"],
    "AO": ["rounded"], "OW": ["rounded", "pursed"], "OY": ["rounded", "spread"],
    "UW": ["pursed"], "UH": ["pursed"], "W": ["pursed"],
}
# fmt: on
PHONES = tuple(VISEMES)
# How strongly a viseme rules, and its reach before and after the phone in seconds: rounding starts early.
DOMINANCE = {
    "bilabial": (3.0, 0.032, 0.032), "labiodental": (2.5, 0.032, 0.032), "postalveolar": (1.6, 0.05, 0.035),
    "pursed": (1.5, 0.06, 0.04), "rounded": (1.4, 0.05, 0.04), "rest": (1.0, 0.05, 0.06),
}  # fmt: skip
OTHERS = (1.0, 0.035, 0.035)


def events(phones):
    """[(label, start, end)] -> [(viseme, start, end)]: diphthongs become two halves."""
    result = []
    for label, start, end in phones:
        parts = VISEMES[label]
        edges = np.linspace(start, end, len(parts) + 1)
        result += [(part, edges[k], edges[k + 1]) for k, part in enumerate(parts)]
    return result


def curves(phones, frames, index, size, strength=1.0):
    """Mouth coefficients over time.

    Args:
      phones: [(ARPAbet label, start s, end s)].
      frames: T.
      index: shape name -> positions in the coefficients.
      size: number of coefficients (57).
      strength: how distinctly the person articulates; scales all but lip closures.

    Returns:
      (T, 57) coefficients and (T, 2) how much each frame belongs to a lip closure (p, b, m) and to a contact
      of lip and teeth (f, v); the frame at the middle of every such phone has 1.
    """
    time = (np.arange(frames) + 0.5) / FPS
    total, weights = np.zeros((frames, size)), np.full(frames, 1e-6)
    contact = np.zeros((frames, 2))
    for viseme, start, end in events(phones):
        power, before, after = DOMINANCE.get(viseme, OTHERS)
        centre, half = (start + end) / 2, max((end - start) / 2, 0.03)
        outside = np.abs(time - centre) - half
        weight = power * np.exp(-np.maximum(outside, 0) / np.where(time < centre, before, after))
        total += weight[:, None] * _target(viseme, index, size, strength)
        weights += weight
        if viseme in ("bilabial", "labiodental"):
            column = int(viseme == "labiodental")
            near = np.exp(-((np.maximum(np.abs(time - centre) - half * 0.5, 0) / 0.025) ** 2))
            contact[:, column] = np.maximum(contact[:, column], near)
            contact[min(int(centre * FPS), frames - 1), column] = 1.0
    return total / weights[:, None], contact


def _target(viseme, index, size, strength):
    scale = 1.0 if viseme in ("bilabial", "labiodental") else strength
    target = np.zeros(size)
    for name, value in TARGETS[viseme].items():
        target[index(name)] = value * scale
    return target


def seal(coefficients, contact, lips, close):
    """Brings the lips together where a phone demands it, whatever jaw, emotion and neighbours do.

    Args:
      coefficients: (T, 57); changed at `close`, the position of mouthClose, only.
      contact: (T, 2) from `curves`.
      lips: the person's Lips.
    """
    opening = lips.opening(coefficients)
    wanted = opening.copy()
    touch = np.minimum(wanted, 0.035)
    wanted += contact[:, 1] * (touch - wanted)
    wanted += contact[:, 0] * (np.minimum(wanted, -0.003) - wanted)
    wanted = np.maximum(wanted, -0.012)  # lips do not pass through each other
    result = coefficients.copy()
    result[:, close] += (wanted - opening) / lips.slopes[close]
    return result
