"""Whether a generated face is still the person of the portrait: similarity of identity descriptors."""

import numpy as np
from jaxtyping import Float


def cosine_similarity(
    first: Float[np.ndarray, "n features"], second: Float[np.ndarray, "m features"]
) -> Float[np.ndarray, "n m"]:
    """Cosine of every pair of descriptors, in [-1, 1]."""
    first, second = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (first, second))
    return first @ second.T


def area_under_curve(same: Float[np.ndarray, " n"], other: Float[np.ndarray, " m"]) -> float:
    """The chance that a similarity of one person exceeds one of two people: the ROC's area."""
    if not len(same) or not len(other):
        return float("nan")
    wins = (same[:, None] > other).mean() + 0.5 * (same[:, None] == other).mean()
    return float(wins)
