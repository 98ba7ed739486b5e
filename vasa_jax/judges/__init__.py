"""Frozen networks that losses and metrics look through: perceptual, identity, landmarks.

Their weights come from files that the user names; none of them is ever random.
"""

from vasa_jax.judges.alignment import align
from vasa_jax.judges.efficientnet import Perceptual, load_perceptual
from vasa_jax.judges.identity import Identity, load_identity
from vasa_jax.judges.landmarks import FaceTrack, LandmarkJudge

__all__ = [
    "FaceTrack",
    "Identity",
    "LandmarkJudge",
    "Perceptual",
    "align",
    "load_identity",
    "load_perceptual",
]
