"""From what a step has drawn to the terms of its loss, each by its name in `face_options.Weights`."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from vasa_jax.face import losses
from vasa_jax.training.face_options import Weights
from vasa_jax.types import Appearance, Motion

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
    """What the model drew of a batch: P people in the motion of K frames each; S the side of the images.

    Attributes:
      source: (P, S, S, 3) and source_landmarks: (P, 68, 2).
      target: (P, K, S, S, 3) the driver frames, target_landmarks: (P, K, 68, 2), foreground: (P, K, S, S, 1) masks or
        None.
      appearance: (P, 1) of the sources, or (P, 2) with that of the first driver frame behind it.
      motion: (P, K) of the driver frames, as they were drawn with.
      image: (P, K, S, S, 3) drawn, float32.
      own: (P, S, S, 3) the first driver frame drawn with its own appearance, or None.
      strangers: (P,) the row of the next other person in the batch, see `strangers`.
      crossed: (P, S, S, 3) the sources in the motion of that person's first driver frame, or None.
    """

    source: Array
    source_landmarks: Array
    target: Array
    target_landmarks: Array
    foreground: Array | None
    appearance: Appearance
    motion: Motion
    image: Array
    strangers: Array
    own: Array | None = None
    crossed: Array | None = None


def strangers(identity: Array) -> Array:
    """(P,) for each row of a batch the next one, in a circle, that shows somebody else; the next one if all are alike.

    A batch is drawn from all clips by chance: with many people the next row nearly always is a stranger, and costs
    nothing to read. Somebody with many clips may stand beside himself, though.

    Args:
      identity: (P,) a number for each person.
    """
    people = identity.shape[0]
    following = (jnp.arange(people)[:, None] + jnp.arange(1, people + 1)) % people
    other = identity[following] != identity[:, None]
    return following[jnp.arange(people), other.argmax(1)]


def reconstruction(drawing: Drawing, weights: Weights, judges: Judges, levels: int) -> Terms:
    """Distances of the drawn images to the driver frames, in pixels and through the judges.

    Args:
      levels: sizes of the image that the perceptual network looks at.
    """
    many = drawing.image, drawing.target.astype(jnp.float32), drawing.target_landmarks, drawing.foreground
    image, target, landmarks, foreground = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), many)
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


def cross_identity(drawing: Drawing, judges: Judges) -> Array:
    """l_cross_id of the sources in the motion of strangers.

    A drawn face has no landmarks of its own; it stands where the stranger's stood, whose pose it was given.
    """
    places = drawing.target_landmarks[drawing.strangers, 0]
    drawn = judges.identity(judges.identity.chips(drawing.crossed, places))
    source = judges.identity(judges.identity.chips(drawing.source.astype(jnp.float32), drawing.source_landmarks))
    return losses.cross_identity(drawn, source)


def canonical(appearance: Appearance) -> Array:
    """Agreement of the canonical volumes of a source and of the same person's driver frame.

    Where the volume ends in the coordinates that the portrait is seen at, these differ by right and are left out.
    """
    volume = appearance.volume if appearance.source is None else appearance.volume[..., :-2]
    return losses.canonical_agreement(*(volume[:, i].astype(jnp.float32) for i in (0, 1)))


def adversarial(critic: nn.Module, params: Any, drawing: Drawing) -> Terms:
    """The critic's loss on true and drawn images, and the face model's losses through a critic that is held still; both
    look at the first driver of each person.

    Returns:
      critic (its gradient reaches the critic alone), adversarial and feature_matching (theirs reach the face model
      alone), and the mean logits critic_real and critic_fake.
    """
    fake, real = drawing.image[:, 0].astype(drawing.target.dtype), drawing.target[:, 0]
    if drawing.foreground is not None:
        fake, real = (x * drawing.foreground[:, 0].astype(x.dtype) for x in (fake, real))

    def judge(params: Any, images: Array) -> tuple[list[Array], list[Array]]:
        return critic.apply({"params": params}, images)

    pairs = jnp.stack([real, jax.lax.stop_gradient(fake)], 1)  # person by person, as they lie on the devices
    answers = jax.tree.map(_in_pairs, judge(params, pairs.reshape(-1, *real.shape[1:])))
    (real_logits, real_features), (fake_logits, _) = (jax.tree.map(lambda x, i=i: x[:, i], answers) for i in (0, 1))
    shown_logits, shown_features = judge(jax.lax.stop_gradient(params), fake)
    return {
        "critic": losses.critic_hinge(real_logits, fake_logits),
        "adversarial": losses.generator_hinge(shown_logits),
        "feature_matching": losses.feature_matching(shown_features, real_features),
        "critic_real": _mean(real_logits),
        "critic_fake": _mean(fake_logits),
    }


def _in_pairs(x: Array) -> Array:
    """(2 P, ...) -> (P, 2, ...)."""
    return x.reshape(-1, 2, *x.shape[1:])


def _mean(logits: list[Array]) -> Array:
    return sum(jnp.mean(x) for x in logits) / len(logits)


