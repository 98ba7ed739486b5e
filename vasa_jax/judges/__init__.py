"""Frozen networks that losses and metrics look through: perceptual, identity, gaze, landmarks.

Their weights come from files that the user names; none of them is ever random, and one alone, the gaze judge of our
own, ships with the package. All but the landmark judge are differentiable pytrees, so a jitted step takes them as
arguments, and judges of one kind take each other's place:

- perceptual, `Perceptual` and `VGG19`: `judge(images)`, images (B, H, W, 3) in [-1, 1], gives a tuple of feature maps,
  the finest first.
- identity, `Identity` and `ArcFace`: `judge(judge.chips(images, landmarks))` gives (B, N) numbers to be compared by
  their cosine; landmarks (B, 68, 2) in iBUG's order in [-1, 1], x right, y up. `judge.chips` cuts out the faces, square
  and of `judge.chip_size` pixels, in the place that this network was trained on.
- gaze, `Gaze`: `judge(images, landmarks)` gives a `GazeReading`: angles, and feature maps of the eyes.
"""

from vasa_jax.judges.alignment import align
from vasa_jax.judges.arcface import ArcFace, load_arcface
from vasa_jax.judges.efficientnet import Perceptual, load_perceptual
from vasa_jax.judges.gaze import Gaze, GazeReading, load_gaze
from vasa_jax.judges.identity import Identity, load_identity
from vasa_jax.judges.landmarks import FaceTrack, LandmarkJudge
from vasa_jax.judges.vgg import VGG19, load_vgg19

__all__ = [
    "VGG19",
    "ArcFace",
    "FaceTrack",
    "Gaze",
    "GazeReading",
    "Identity",
    "LandmarkJudge",
    "Perceptual",
    "align",
    "load_arcface",
    "load_gaze",
    "load_identity",
    "load_perceptual",
    "load_vgg19",
]
