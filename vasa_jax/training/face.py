"""Stage 1: the face latent space, first its encoders alone on labels, then the whole model on pairs of frames.

The encoders first, since a sample costs a tenth of one through the whole model and the decoder can learn to use z_dyn
only once it says something. Images come as uint8; a batch holds P people with K driver frames each.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vasa_jax.face import losses
from vasa_jax.training import augment, face_terms
from vasa_jax.training.face_options import Noise, Weights
from vasa_jax.training.face_terms import Drawing, Judges
from vasa_jax.training.precision import EXACT, Precision
from vasa_jax.training.stage import ALONE, Company
from vasa_jax.types import HeadPose, Motion

Terms = dict[str, Array]


@dataclasses.dataclass(frozen=True, eq=False)  # hashed by identity, as jit needs: it holds arrays
class FaceLoss:
    """The loss of the whole model and of its critic: batch of data.pipeline.FacePairs -> scalar.

    Attributes:
      model: with the methods pose, dynamics, appearance, decode, read_labels.
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
        """Each source in the motion of its drivers, what the weights ask for beside that, and the losses of labels.

        All that goes through one network goes through it at once, person by person: the program stays small, and a
        batch that is split over devices stays where it is.
        """
        keys = jax.random.split(key, 3)
        people, drivers = batch["driver"].shape[:2]
        estimated = jax.random.bernoulli(keys[0], self.noise.estimated_pose, (people,))
        source, target = self.precision.image(batch["source"]), self.precision.image(batch["driver"])
        motion, labels = self._read_frames(params, batch, source, target, estimated, keys[1])
        motion = motion.replace(dynamics=augment.drop_latent(keys[2], motion.dynamics, self.noise.latent))
        frames = jnp.concatenate([source[:, None], target[:, :1]], 1) if self.second_look else source[:, None]
        appearance = self._apply(params, frames, pick(motion, range(frames.shape[1])), method="appearance")
        strangers = face_terms.strangers(batch["identity"])
        whose, moving = [0] * drivers, pick(motion, range(1, 1 + drivers))
        first = pick(moving, [0])
        if self.second_look:
            whose, moving = [*whose, 1], beside(moving, first)
        if self.stranger:
            whose, moving = [*whose, 0], beside(moving, jax.tree.map(lambda x: x[strangers], first))
        images = self._apply(params, pick(appearance, whose), moving, method="decode")
        drawing = Drawing(
            source=source,
            source_landmarks=batch["source_landmarks"],
            target=target,
            target_landmarks=batch["driver_landmarks"],
            foreground=batch.get("driver_foreground"),
            appearance=appearance,
            motion=pick(motion, range(1, 1 + drivers)),
            image=images[:, :drivers],
            own=images[:, drivers] if self.second_look else None,
            crossed=images[:, -1] if self.stranger else None,
            strangers=strangers,
        )
        return drawing, labels

    @property
    def second_look(self) -> bool:
        """Whether the first driver frame gives an appearance too."""
        return self.weights.any("consistency", "canonical")

    @property
    def stranger(self) -> bool:
        """Whether each person is also drawn in the motion of another."""
        return self.weights.any("cross_identity", "cycle")

    def _read_frames(
        self, params: Any, batch: Mapping[str, Array], source: Array, target: Array, estimated: Array, key: Array
    ) -> tuple[Motion, Terms]:
        """Motion (P, 1 + K) of each source and of its drivers, and the label losses there.

        A driver's is read from an image of other colours at another place, and put back to its own. Where `estimated`
        its pose is the model's estimate, elsewhere its label. The estimate gives no gradient to the pose encoder: the
        label does, without the noise of the image losses.
        """
        keys, shape = jax.random.split(key, 3), target.shape[:2]
        move = augment.random_similarity(keys[0], shape[0] * shape[1], self.noise.placement)
        moved = move.image(augment.jitter_colour(keys[1], flat(target), self.noise.colour)).astype(target.dtype)
        images = beside(source[:, None], moved.reshape(target.shape))
        driver = move.pose(HeadPose.from_vector(flat(batch["driver_pose"])))
        label = HeadPose.from_vector(beside(batch["source_pose"][:, None], driver.vector.reshape(*shape, -1)))
        expression = beside(batch["source_expression"][:, None], batch["driver_expression"])
        pose = self._apply(params, images, method="pose")
        guess = jax.lax.stop_gradient(pose)
        seen = augment.choose(estimated, guess, augment.jitter_pose(keys[2], label, self.noise.pose))
        motion = Motion(pose, self._apply(params, images, seen, method="dynamics"))
        terms = label_terms(self, params, *jax.tree.map(flat, (motion, label, expression)))
        used = augment.choose(estimated, guess, label)
        back = move.undo_pose(jax.tree.map(lambda x: flat(x[:, 1:]), used))
        back = jax.tree.map(lambda x: x.reshape(*shape, -1), back)
        return motion.replace(pose=beside(pick(used, [0]), back)), terms

    def _second_drawings(self, params: Any, drawing: Drawing, judges: Judges) -> Terms:
        """Losses that compare two drawings of a person, or draw another's motion."""
        weights, terms = self.weights, {}
        if weights.canonical:
            terms["canonical"] = face_terms.canonical(drawing.appearance)
        if weights.consistency:
            features = judges.features(drawing.target.dtype)
            terms["consistency"] = losses.consistency(drawing.image[:, 0], drawing.own, features)
        if weights.cross_identity:
            terms["cross_identity"] = face_terms.cross_identity(drawing, judges)
        if weights.cycle:
            images = jnp.stack([drawing.image[:, 0], drawing.crossed], 1).astype(drawing.target.dtype)
            own = pick(drawing.motion, [0])
            wanted = beside(own, jax.tree.map(lambda x: x[drawing.strangers], own))
            again = self._apply(params, images, wanted.pose, method="dynamics")
            terms["cycle"] = sum(losses.cycle(again[:, i], wanted.dynamics[:, i]) for i in (0, 1)) / 2
        return terms

    def _apply(self, params: Any, *args: Any, method: str) -> Any:
        """A method of the model over the people and frames of (P, n, ...) arrays."""

        def apply(params: Any, *args: Any) -> Any:
            return self.model.apply({"params": params}, *args, method=method)

        people = jax.tree.leaves(args)[0].shape[0]
        found = self.precision.remembered(apply)(params, *jax.tree.map(flat, args))
        return jax.tree.map(lambda x: x.reshape(people, -1, *x.shape[1:]), found)


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


def pick(tree: Any, chosen: Sequence[int]) -> Any:
    """The entries `chosen` of the second axis of (P, n, ...) arrays."""
    return jax.tree.map(lambda x: jnp.stack([x[:, i] for i in chosen], 1), tree)


def beside(*trees: Any) -> Any:
    """Trees of (P, n, ...) arrays joined along their second axis."""
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves, 1), *trees)
