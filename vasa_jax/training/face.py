"""Stage 1: the face latent space, first its encoders alone on labels, then the whole model on pairs of frames.

The encoders first, since a sample costs a tenth of one through the whole model and the decoder can learn to use z_dyn
only once it says something. Images come as uint8; a batch holds P people with K driver frames each, B = P K.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vasa_jax.face import losses
from vasa_jax.training import augment, face_terms
from vasa_jax.training.face_terms import Drawing, Judges
from vasa_jax.training.precision import EXACT, Precision
from vasa_jax.training.stage import ALONE, Company
from vasa_jax.types import Appearance, HeadPose, Motion

Terms = dict[str, Array]


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


@dataclasses.dataclass(frozen=True, eq=False)  # hashed by identity, as jit needs: it holds arrays
class FaceLoss:
    """The loss of the whole model and of its critic: batch of data.pipeline.FacePairs -> scalar.

    Attributes:
      model: with the methods pose, motion, appearance, decode, read_labels.
      weights, noise: numbers.
      expression_scale: (57,) standard deviations.
      critic: the network whose parameters are in the step's company; None without one.
      precision: types and memory.
      perceptual_levels: sizes of the image that the perceptual network looks at.
    """

    model: Any
    weights: Weights
    noise: Noise
    expression_scale: Array
    critic: nn.Module | None = None
    precision: Precision = EXACT
    perceptual_levels: int = 1

    def __call__(
        self, params: Any, batch: Mapping[str, Array], key: Array, company: Company = ALONE
    ) -> tuple[Array, Terms]:
        judges = company.judges or Judges()
        drawing, labels = self.draw(params, batch, key)
        terms = labels | face_terms.reconstruction(drawing, self.weights, judges, self.perceptual_levels)
        terms |= self._second_drawings(params, drawing, judges)
        total = weigh(terms, self.weights)
        if self.weights.any("adversarial", "feature_matching"):
            game = face_terms.adversarial(self.critic, company.critic, drawing)
            total += weigh(game, self.weights) + game["critic"]
            terms |= game
        return total, {"loss": total, **terms}

    def draw(self, params: Any, batch: Mapping[str, Array], key: Array) -> tuple[Drawing, Terms]:
        """Each source in the motion of each of its drivers, and the losses of labels on the way."""
        keys = jax.random.split(key, 4)
        people, drivers = batch["driver"].shape[:2]
        estimated = jax.random.bernoulli(keys[0], self.noise.estimated_pose, (people,))
        source, target = self.precision.image(batch["source"]), self.precision.image(flat(batch["driver"]))
        appearance, source_terms = self._source(params, batch, source, estimated, keys[1])
        repeated, estimated = jax.tree.map(lambda x: jnp.repeat(x, drivers, 0), (appearance, estimated))
        motion, driver_terms = self._driver(params, batch, target, estimated, keys[2])
        dynamics = augment.drop_latent(keys[3], motion.dynamics, self.noise.latent)
        image = self._apply(params, repeated, motion.replace(dynamics=dynamics), method="decode")
        foreground = batch.get("driver_foreground")
        drawing = Drawing(
            source, batch["source_landmarks"], target, flat(batch["driver_landmarks"]),
            None if foreground is None else flat(foreground), appearance, motion, image,
        )  # fmt: skip
        return drawing, {name: (driver_terms[name] + source_terms[name]) / 2 for name in driver_terms}

    def _source(
        self, params: Any, batch: Mapping[str, Array], image: Array, estimated: Array, key: Array
    ) -> tuple[Appearance, Terms]:
        """Appearance of each source, its pose a label or an estimate; and the label losses there."""
        label = HeadPose.from_vector(batch["source_pose"])
        motion, terms = self._motion(params, image, label, estimated, batch["source_expression"], key)
        return self._apply(params, image, motion, method="appearance"), terms

    def _driver(
        self, params: Any, batch: Mapping[str, Array], target: Array, estimated: Array, key: Array
    ) -> tuple[Motion, Terms]:
        """Motion of each driver, read from an image of other colours at another place, and put back to its own."""
        keys = jax.random.split(key, 3)
        move = augment.random_similarity(keys[0], target.shape[0], self.noise.placement)
        image = move.image(augment.jitter_colour(keys[1], target, self.noise.colour)).astype(target.dtype)
        label = move.pose(HeadPose.from_vector(flat(batch["driver_pose"])))
        motion, terms = self._motion(params, image, label, estimated, flat(batch["driver_expression"]), keys[2])
        return motion.replace(pose=move.undo_pose(motion.pose)), terms

    def _motion(
        self, params: Any, image: Array, label: HeadPose, estimated: Array, expression: Array, key: Array
    ) -> tuple[Motion, Terms]:
        """Motion of an image with the pose's estimate where `estimated` and its label elsewhere; label losses.

        The estimate gives no gradient to the pose encoder: the label does, without the noise of the image losses.
        """
        guess = jax.lax.stop_gradient(self._apply(params, image, method="pose"))
        seen = augment.choose(estimated, guess, augment.jitter_pose(key, label, self.noise.pose))
        motion = self._apply(params, image, seen, method="motion")
        terms = label_terms(self, params, motion, label, expression)
        used = augment.choose(estimated, jax.lax.stop_gradient(motion.pose), label)
        return motion.replace(pose=used), terms

    def _second_drawings(self, params: Any, drawing: Drawing, judges: Judges) -> Terms:
        """Losses that compare two drawings or need another one. They look at the first driver of each person."""
        weights, first, terms = self.weights, drawing.first(), {}
        if weights.any("consistency", "canonical"):
            own = self._apply(params, first.target, first.motion, method="appearance")
            if weights.canonical:
                terms["canonical"] = face_terms.canonical(drawing.appearance, own)
            if weights.consistency:
                other = self._apply(params, own, first.motion, method="decode")
                features = judges.features(first.target.dtype)
                terms["consistency"] = losses.consistency(first.image, other, features)
        if weights.any("cross_identity", "cycle"):
            stranger = jax.tree.map(lambda x: jnp.roll(x, -1, 0), first)
            crossed = self._apply(params, drawing.appearance, stranger.motion, method="decode")
            if weights.cross_identity:
                terms["cross_identity"] = face_terms.cross_identity(drawing, crossed, stranger, judges)
            if weights.cycle:
                again = [self._read(params, image.astype(first.target.dtype), motion) for image, motion in
                         ((first.image, first.motion), (crossed, stranger.motion))]  # fmt: skip
                wanted = first.motion.dynamics, stranger.motion.dynamics
                terms["cycle"] = sum(losses.cycle(*pair) for pair in zip(again, wanted, strict=True)) / 2
        return terms

    def _read(self, params: Any, image: Array, motion: Motion) -> Array:
        """z_dyn of a drawn image, whose pose is known."""
        return self._apply(params, image, motion.pose, method="motion").dynamics

    def _apply(self, params: Any, *args: Any, method: str) -> Any:
        def apply(params: Any, *args: Any) -> Any:
            return self.model.apply({"params": params}, *args, method=method)

        return self.precision.remembered(apply)(params, *args)


@dataclasses.dataclass(frozen=True, eq=False)
class EncoderLoss:
    """The loss of the encoders alone: batch of data.pipeline.Singles -> scalar. Attributes as in FaceLoss."""

    model: Any
    weights: Weights
    noise: Noise
    expression_scale: Array
    precision: Precision = EXACT

    def __call__(
        self, params: Any, batch: Mapping[str, Array], key: Array, company: Company = ALONE
    ) -> tuple[Array, Terms]:
        keys = jax.random.split(key, 3)
        image = augment.jitter_colour(keys[0], self.precision.image(flat(batch["image"])), self.noise.colour)
        move = augment.random_similarity(keys[1], image.shape[0], self.noise.placement)
        label = move.pose(HeadPose.from_vector(flat(batch["pose"])))
        seen = augment.jitter_pose(keys[2], label, self.noise.pose)
        motion = self.model.apply({"params": params}, move.image(image), seen, method="motion")
        terms = label_terms(self, params, motion, label, flat(batch["expression"]))
        total = weigh(terms, self.weights)
        return total, {"loss": total, **terms}


def label_terms(
    loss: FaceLoss | EncoderLoss, params: Any, motion: Motion, label: HeadPose, expression: Array
) -> Terms:
    """Losses of what the encoders read against the labels."""
    read = loss.model.apply({"params": params}, motion.dynamics, method="read_labels")["expression"]
    return {
        "expression": losses.label_mse(read, expression, loss.expression_scale),
        "pose": losses.pose_l1(motion.pose.vector, label.vector),
        "dynamics": jnp.mean(motion.dynamics**2),
    }


def weigh(terms: Mapping[str, Array], weights: Weights) -> Array:
    """The weighted sum; terms without a weight are there to be shown."""
    return sum(getattr(weights, name, 0.0) * value for name, value in terms.items())


def flat(x: Array | np.ndarray) -> Array | np.ndarray:
    """(P, K, ...) -> (P K, ...)."""
    return x.reshape(-1, *x.shape[2:])
