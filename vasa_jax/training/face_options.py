"""The numbers of stage 1's losses and of what its steps disturb, as a config gives them."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Weights:
    """Of the losses; zero leaves one out, and what it alone would need is not computed. See vasa_jax.face.losses.

    Attributes:
      l1, multiscale, gradient, perceptual: of the driver frame. gaze: of its eyes.
      adversarial, feature_matching: of the critic.
      cycle: z_dyn read again from drawn images.
      consistency, cross_identity: l_consist and l_cross_id of VASA-1. canonical: of canonical volumes.
      pose, expression: of the labels. dynamics: mean square of z_dyn, which keeps its scale.
      mouth, eyes: no losses: what is added to the weight 1 of a pixel in these regions.
    """

    l1: float = 1.0
    multiscale: float = 0.5
    gradient: float = 1.0
    perceptual: float = 0.0
    gaze: float = 0.0
    adversarial: float = 0.0
    feature_matching: float = 0.0
    cycle: float = 0.0
    consistency: float = 0.0
    cross_identity: float = 0.0
    canonical: float = 0.0
    pose: float = 2.0
    expression: float = 0.4
    dynamics: float = 2e-4
    mouth: float = 6.0
    eyes: float = 4.5

    def any(self, *names: str) -> bool:
        """Whether one of them is on."""
        return any(getattr(self, name) for name in names)


@dataclasses.dataclass(frozen=True)
class Noise:
    """What a step disturbs.

    Attributes:
      colour, placement: strength of the augmentation of the driver that the motion encoders see.
      pose: strength of the error of label poses that place the dynamics encoder's view.
      latent: rate at which entries of z_dyn are zeroed.
      estimated_pose: share of the people whose source and drivers have the model's own estimate of the pose, as at
        inference; the others have their labels. Never one of each: an estimate has a bias for each person, which
        cancels between source and driver.
    """

    colour: float = 1.0
    placement: float = 1.0
    pose: float = 1.0
    latent: float = 0.05
    estimated_pose: float = 0.5
