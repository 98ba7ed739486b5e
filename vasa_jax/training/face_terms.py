"""From what a step has drawn to the terms of its loss, each by its name in `face.Weights`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from vasa_jax.face import losses
from vasa_jax.types import Appearance, Motion

if TYPE_CHECKING:
    from vasa_jax.training.face import Weights

Terms = dict[str, Array]


@flax.struct.dataclass
class Judges:
    """The frozen networks of a step, None where a training has none.

    Attributes:
      perceptual: images -> feature maps.
      identity: has chips(images, landmarks) -> face chips, and maps chips to descriptors.
      gaze: images, landmarks -> a reading with angles (B, 2) in radians and features.
    """

    perceptual: Callable | None = None
    identity: Callable | None = None
    gaze: Callable | None = None

    def features(self, dtype: Any) -> Callable | None:
        """The perceptual network computing in `dtype`; None without one."""
        return None if self.perceptual is None else lambda images: self.perceptual(images.astype(dtype))


@flax.struct.dataclass
class Drawing:
    """What the model drew of a batch: P people in the motion of K frames each, B = P K; S the side of the images.

    Attributes:
      source: (P, S, S, 3) and source_landmarks: (P, 68, 2).
      target: (B, S, S, 3) the driver frames, target_landmarks: (B, 68, 2), foreground: (B, S, S, 1) masks or None.
      appearance: of the sources (P). motion: (B) of the driver frames.
      image: (B, S, S, 3) drawn, float32.
    """

    source: Array
    source_landmarks: Array
    target: Array
    target_landmarks: Array
    foreground: Array | None
    appearance: Appearance
    motion: Motion
    image: Array

    def first(self) -> Drawing:
        """The same with the first driver of each person alone."""
        drivers = len(self.target) // len(self.source)
        many = self.target, self.target_landmarks, self.foreground, self.motion, self.image
        target, landmarks, foreground, motion, image = jax.tree.map(lambda x: x[::drivers], many)
        return self.replace(
            target=target, target_landmarks=landmarks, foreground=foreground, motion=motion, image=image
        )


def reconstruction(drawing: Drawing, weights: Weights, judges: Judges, levels: int) -> Terms:
    """Distances of the drawn images to the driver frames, in pixels and through the judges.

    Args:
      levels: sizes of the image that the perceptual network looks at.
    """
    image, target = drawing.image, drawing.target.astype(jnp.float32)
    landmarks, foreground = drawing.target_landmarks, drawing.foreground
    regions = losses.region_weights(landmarks, image.shape[1], weights.mouth, weights.eyes, foreground)
    terms = {
        "l1": losses.l1(image, target, regions),
        "multiscale": losses.multiscale_l1(image, target, regions),
        "gradient": losses.gradient_l1(image, target, regions),
    }
    if weights.perceptual:
        features = judges.features(drawing.target.dtype)
        terms["perceptual"] = losses.perceptual(image, target, features, foreground, levels)
    if weights.gaze:
        drawn, true = judges.gaze(image, landmarks), judges.gaze(target, landmarks)
        terms["gaze"] = losses.gaze(drawn.angles, true.angles, drawn.features, true.features)
    return terms


def cross_identity(drawing: Drawing, crossed: Array, stranger: Drawing, judges: Judges) -> Array:
    """l_cross_id of `crossed`, the sources in the motion of the strangers.

    A drawn face has no landmarks of its own; it stands where the stranger's stood, whose pose it was given.
    """
    drawn = judges.identity(judges.identity.chips(crossed, stranger.target_landmarks))
    source = judges.identity(judges.identity.chips(drawing.source.astype(jnp.float32), drawing.source_landmarks))
    return losses.cross_identity(drawn, source)


def canonical(appearance: Appearance, own: Appearance) -> Array:
    """Agreement of the canonical volumes of a source and of the same person's driver frame.

    Where the volume ends in the coordinates that the portrait is seen at, these differ by right and are left out.
    """
    volumes = [a.volume if a.source is None else a.volume[..., :-2] for a in (appearance, own)]
    return losses.canonical_agreement(*(volume.astype(jnp.float32) for volume in volumes))


def adversarial(critic: nn.Module, params: Any, drawing: Drawing) -> Terms:
    """The critic's loss on true and drawn images, and the face model's losses through a critic that is held still.

    Returns:
      critic (its gradient reaches the critic alone), adversarial and feature_matching (theirs reach the face model
      alone), and the mean logits critic_real and critic_fake.
    """
    first = drawing.first()
    fake, real = first.image.astype(first.target.dtype), first.target
    if first.foreground is not None:
        fake, real = (x * first.foreground.astype(x.dtype) for x in (fake, real))

    def judge(params: Any, images: Array) -> tuple[list[Array], list[Array]]:
        return critic.apply({"params": params}, images)

    real_logits, real_features = judge(params, real)
    fake_logits, _ = judge(params, jax.lax.stop_gradient(fake))
    shown_logits, shown_features = judge(jax.lax.stop_gradient(params), fake)
    return {
        "critic": losses.critic_hinge(real_logits, fake_logits),
        "adversarial": losses.generator_hinge(shown_logits),
        "feature_matching": losses.feature_matching(shown_features, real_features),
        "critic_real": _mean(real_logits),
        "critic_fake": _mean(fake_logits),
    }


def _mean(logits: list[Array]) -> Array:
    return sum(jnp.mean(x) for x in logits) / len(logits)


