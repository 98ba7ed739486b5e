"""The losses of stage 1, as pure functions with their formulas, usual weights and sources.

Images are (B, S, S, 3) in [-1, 1]; every result is a scalar. Which of them a training uses, how much each weighs and
when it begins is the config's to say (`losses` and `starts` in configs/face_*.py).
"""

from vasa_jax.face.losses.adversarial import critic_hinge, feature_matching, generator_hinge
from vasa_jax.face.losses.disentanglement import canonical_agreement, consistency, cross_identity, cycle
from vasa_jax.face.losses.reconstruction import gradient_l1, l1, multiscale_l1, perceptual, region_weights
from vasa_jax.face.losses.supervision import gaze, label_mse, pose_l1

__all__ = [
    "canonical_agreement",
    "consistency",
    "critic_hinge",
    "cross_identity",
    "cycle",
    "feature_matching",
    "gaze",
    "generator_hinge",
    "gradient_l1",
    "l1",
    "label_mse",
    "multiscale_l1",
    "perceptual",
    "pose_l1",
    "region_weights",
]
