"""Stage 1: the face latent space, first its encoders alone on labels, then the whole model on pairs of
frames.

The encoders first, since a sample costs a tenth of one through the whole model and the decoder can learn to
use z_dyn only once it says something. Images come as uint8 and leave the step's first line as float32 in [-1,
1].
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vasa_jax.face import losses
from vasa_jax.pixels import from_uint8
from vasa_jax.training import augment
from vasa_jax.types import HeadPose, Motion


@dataclasses.dataclass(frozen=True)
class Weights:
    """Of the losses; zero leaves one out. See vasa_jax.face.losses for each.

    Attributes:
      l1, multiscale, gradient, perceptual: of the driver frame.
      mouth, eyes: what is added to the weight 1 of a pixel in these regions.
      pose, expression: of the labels. dynamics: mean square of z_dyn, which keeps its scale.
    """

    l1: float = 1.0
    multiscale: float = 0.5
    gradient: float = 1.0
    perceptual: float = 0.0
    mouth: float = 6.0
    eyes: float = 4.5
    pose: float = 2.0
    expression: float = 0.4
    dynamics: float = 2e-4


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
    """The loss of the whole model: batch of data.pipeline.FacePairs -> scalar.

    Attributes:
      model: with the methods motion, appearance, decode, read_labels.
      weights, noise: numbers.
      expression_scale: (57,) standard deviations.
      features: frozen perceptual network, or None.
    """

    model: Any
    weights: Weights
    noise: Noise
    expression_scale: Array
    features: Callable | None = None

    def __call__(self, params: Any, batch: Mapping[str, Array], key: Array) -> tuple[Array, dict[str, Array]]:
        keys = jax.random.split(key, 4)
        people, drivers = batch["driver"].shape[:2]
        estimated = jax.random.bernoulli(keys[0], self.noise.estimated_pose, (people,))
        target = from_uint8(flat(batch["driver"]))
        appearance, source_terms = self._source(params, batch, estimated, keys[1])
        appearance, estimated = jax.tree.map(lambda x: jnp.repeat(x, drivers, 0), (appearance, estimated))
        motion, driver_terms = self._driver(params, batch, target, estimated, keys[2])
        dynamics = augment.drop_latent(keys[3], motion.dynamics, self.noise.latent)
        image = self._apply(params, appearance, motion.replace(dynamics=dynamics), method="decode")
        terms = self._image_terms(image, target, flat(batch["driver_landmarks"]))
        terms |= {name: (driver_terms[name] + source_terms[name]) / 2 for name in driver_terms}
        return weigh(terms, self.weights)

    def _source(
        self, params: Any, batch: Mapping[str, Array], estimated: Array, key: Array
    ) -> tuple[Any, dict[str, Array]]:
        """Appearance of each source, its pose a label or an estimate; and the label losses there."""
        image, label = from_uint8(batch["source"]), HeadPose.from_vector(batch["source_pose"])
        motion, terms = self._motion(params, image, label, estimated, batch["source_expression"], key)
        return self._apply(params, image, motion, method="appearance"), terms

    def _driver(
        self, params: Any, batch: Mapping[str, Array], target: Array, estimated: Array, key: Array
    ) -> tuple[Motion, dict[str, Array]]:
        """Motion of each driver, read from an image of other colours at another place, and put back to its own."""
        keys = jax.random.split(key, 3)
        move = augment.random_similarity(keys[0], target.shape[0], self.noise.placement)
        image = move.image(augment.jitter_colour(keys[1], target, self.noise.colour))
        label = move.pose(HeadPose.from_vector(flat(batch["driver_pose"])))
        motion, terms = self._motion(params, image, label, estimated, flat(batch["driver_expression"]), keys[2])
        return motion.replace(pose=move.undo_pose(motion.pose)), terms

    def _motion(
        self, params: Any, image: Array, label: HeadPose, estimated: Array, expression: Array, key: Array
    ) -> tuple[Motion, dict[str, Array]]:
        """Motion of an image with the pose's estimate where `estimated` and its label elsewhere; label losses.

        The estimate gives no gradient to the pose encoder: the label does, without the noise of the image losses.
        """
        guess = jax.lax.stop_gradient(self._apply(params, image, method="pose"))
        seen = augment.choose(estimated, guess, augment.jitter_pose(key, label, self.noise.pose))
        motion = self._apply(params, image, seen, method="motion")
        terms = label_terms(self, params, motion, label, expression)
        used = augment.choose(estimated, jax.lax.stop_gradient(motion.pose), label)
        return motion.replace(pose=used), terms

    def _image_terms(self, image: Array, target: Array, landmarks: Array) -> dict[str, Array]:
        weights = losses.region_weights(landmarks, image.shape[1], self.weights.mouth, self.weights.eyes)
        terms = {
            "l1": losses.l1(image, target, weights),
            "multiscale": losses.multiscale_l1(image, target, weights),
            "gradient": losses.gradient_l1(image, target, weights),
        }
        if self.features is not None and self.weights.perceptual:
            terms["perceptual"] = losses.perceptual(image, target, self.features)
        return terms

    def _apply(self, params: Any, *args: Any, method: str) -> Any:
        return self.model.apply({"params": params}, *args, method=method)


@dataclasses.dataclass(frozen=True, eq=False)
class EncoderLoss:
    """The loss of the encoders alone: batch of data.pipeline.Singles -> scalar. Attributes as in FaceLoss."""

    model: Any
    weights: Weights
    noise: Noise
    expression_scale: Array

    def __call__(self, params: Any, batch: Mapping[str, Array], key: Array) -> tuple[Array, dict[str, Array]]:
        keys = jax.random.split(key, 3)
        image = augment.jitter_colour(keys[0], from_uint8(flat(batch["image"])), self.noise.colour)
        move = augment.random_similarity(keys[1], image.shape[0], self.noise.placement)
        label = move.pose(HeadPose.from_vector(flat(batch["pose"])))
        seen = augment.jitter_pose(keys[2], label, self.noise.pose)
        motion = self.model.apply({"params": params}, move.image(image), seen, method="motion")
        terms = label_terms(self, params, motion, label, flat(batch["expression"]))
        return weigh(terms, self.weights)


def label_terms(
    loss: FaceLoss | EncoderLoss, params: Any, motion: Motion, label: HeadPose, expression: Array
) -> dict[str, Array]:
    """Losses of what the encoders read against the labels."""
    read = loss.model.apply({"params": params}, motion.dynamics, method="read_labels")["expression"]
    return {
        "expression": losses.label_mse(read, expression, loss.expression_scale),
        "pose": losses.pose_l1(motion.pose.vector, label.vector),
        "dynamics": jnp.mean(motion.dynamics**2),
    }


def weigh(terms: Mapping[str, Array], weights: Weights) -> tuple[Array, dict[str, Array]]:
    """The weighted sum, and all terms with it, unweighted, to be shown."""
    total = sum(getattr(weights, name) * value for name, value in terms.items())
    return total, {"loss": total, **terms}


def flat(x: Array | np.ndarray) -> Array | np.ndarray:
    """(P, K, ...) -> (P K, ...)."""
    return x.reshape(-1, *x.shape[2:])
