"""The few-step student of stage 2: one of its steps does several of the guided teacher's.

Distilled as in "Progressive distillation" (arXiv 2202.00512), but in one go instead of halving by halving, from the
student's own path instead of noised data, and told the guidance scales (arXiv 2210.03142), so that they can still be
chosen. What it learns from is the teacher: of the motion set it takes speech, history and controls.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from vasa_jax.motion import GUIDANCE, Sampling, cosine_schedule, diffusion
from vasa_jax.motion import conditions as conditioning
from vasa_jax.motion.sampler import denoiser
from vasa_jax.motion.solvers import solve, visited
from vasa_jax.training.motion import conditions_of
from vasa_jax.training.stage import Company
from vasa_jax.types import POSE_SIZE, Conditions

GAZE_RANGE = 0.5  # radians, about 30 degrees
DISTANCES = 0.75, 1.3  # of the reference
STILL = 1e-2  # deviations of the training set, as nothing: the logarithm stays finite


@dataclasses.dataclass(frozen=True)
class StudentLoss:
    """Errors of the student's X_0 at each step of its path from noise: batch of data.windows.MotionWindows -> scalar.

    The teacher's parameters are the judges of the company.

    Attributes:
      student: a MotionTransformer that is told guidance scales.
      teacher: the one that it learns from.
      steps: of the student.
      substeps: of the teacher for each of them.
      sampler: of the teacher, see motion.solvers; eta is 0.
      velocity: weight of the same errors of frame differences.
      seam: weight of the same errors of the first frame, where the frames before it are given.
      lids: weight of the same errors of the lids' closing, which lid_reading (M,) reads in deviations.
      amount: weight of `amount_error`: few steps alone leave a face that moves less, and a head that trembles more.
      largest: guidance scale by name up to which the student learns, in the order of `student.told`.
      spread: share of examples with guidance scales, and of those with controls, that are drawn from their whole range;
        the others have the scales of motion.GUIDANCE, and the controls of their clip.
      drop_previous, cut: rates, see motion.conditions.drop.
    """

    student: Any
    teacher: Any
    steps: int = 4
    substeps: int = 5
    sampler: str = "dpm"
    velocity: float = 1.0
    seam: float = 0.0
    lids: float = 0.0
    lid_reading: tuple[float, ...] = ()
    amount: float = 0.0
    largest: tuple[float, ...] = (2.0, 2.0)
    spread: float = 0.5
    drop_previous: float = 0.1
    cut: float = 0.1

    def __call__(
        self, params: Any, batch: Mapping[str, Array], key: Array, company: Company
    ) -> tuple[Array, dict[str, Array]]:
        drop_key, controls_key, scales_key, noise_key = jax.random.split(key, 4)
        wanted = conditioning.drop(drop_key, conditions_of(batch), 0.0, self.drop_previous, self.cut)
        wanted = other_controls(controls_key, wanted, self.spread)
        scales = self._scales(scales_key, len(batch["motion"]))
        student = denoiser(self.student, {"params": params}, wanted, scales)
        teacher = denoiser(self.teacher, {"params": company.judges}, wanted, scales)
        weights = (jnp.arange(batch["motion"].shape[1]) < batch["length"][:, None]).astype(jnp.float32)
        lids = jnp.asarray(self.lid_reading) if self.lids else None

        def step(noised: Array, now: tuple[Array, Array]) -> tuple[Array, dict[str, Array]]:
            times, shares = now
            reached = self._taught(teacher, noised, times, shares)
            target = diffusion.clean_between(noised, reached, shares[0], shares[-1])
            clean = student(noised, jnp.full(len(noised), times[0]))
            target = jax.lax.stop_gradient(target)
            errors = diffusion.motion_errors(target, clean, weights, goes_on=wanted.has_previous, lids=lids)
            errors["amount"] = amount_error(target, clean, weights)
            return jax.lax.stop_gradient(diffusion.ddim_step(noised, clean, shares[0], shares[-1])), errors

        noise = jax.random.normal(noise_key, batch["motion"].shape)
        _, errors = jax.lax.scan(step, noise, self._spans())
        parts = {name: values.mean() for name, values in errors.items()}
        loss = parts["motion"] + self.velocity * parts["velocity"] + self.seam * parts["seam"]
        loss += self.lids * parts.get("lids", 0.0) + self.amount * parts["amount"]
        return loss, {"loss": loss, **parts, "first_step": errors["motion"][0], "last_step": errors["motion"][-1]}

    def _spans(self) -> tuple[Array, Array]:
        """The teacher's diffusion steps (steps, substeps) in each of the student's, and alpha_bar of these and of the
        end (steps, substeps + 1)."""
        schedule = cosine_schedule()
        times = visited(self.steps * self.substeps, schedule.steps)
        shares = jnp.append(schedule.alpha_bar[times], 1.0)
        first = self.substeps * jnp.arange(self.steps)[:, None]
        return times.reshape(self.steps, self.substeps), shares[first + jnp.arange(self.substeps + 1)]

    def _taught(self, teacher: Any, noised: Array, times: Array, shares: Array) -> Array:
        """Where the teacher comes to from `noised` in one of the student's steps."""

        def at(noised: Array, index: Array) -> Array:
            return teacher(noised, jnp.full(len(noised), times[index]))

        return solve(at, noised, jax.random.key(0), shares, Sampling(self.substeps, self.sampler))

    def _scales(self, key: Array, batch: int) -> dict[str, Array]:
        keys = jax.random.split(key, len(self.student.told) + 1)
        drawn = jax.random.bernoulli(keys[0], self.spread, (batch,))
        return {
            name: jnp.where(drawn, jax.random.uniform(one, (batch,), maxval=largest), GUIDANCE[name])
            for name, largest, one in zip(self.student.told, self.largest, keys[1:], strict=True)
        }


def amount_error(
    taught: Float[Array, "batch window motion"],
    made: Float[Array, "batch window motion"],
    frame_weights: Float[Array, "batch window"],
) -> Float[Array, ""]:
    """How far the amounts of two motions are apart: the squared logarithms of the ratios of two measures of them.

    A network that cannot follow each of the teacher's paths learns their mean, which moves less; this asks for as much
    motion without asking for which. For each component over all windows of the batch, as motion is judged: the standard
    deviation over the time of a window, and the mean absolute change from frame to frame (dP of VASA-1, section 4.1).
    Head and face weigh the same.
    """
    apart = jnp.zeros(taught.shape[-1])
    for amount in (_deviation, _change):
        was, now = (jnp.log(amount(motion, frame_weights) + STILL) for motion in (taught, made))
        apart += (now - was) ** 2
    return (apart[:POSE_SIZE].mean() + apart[POSE_SIZE:].mean()) / 4


def _deviation(motion: Array, weights: Array) -> Array:
    """(M,) standard deviation over time, pooled over windows."""
    count = jnp.maximum(weights.sum(1), 1e-6)[:, None, None]
    centred = motion - jnp.einsum("bt,btm->bm", weights, motion)[:, None] / count
    return jnp.sqrt(_mean(centred**2, weights) + STILL**2)


def _change(motion: Array, weights: Array) -> Array:
    """(M,) mean absolute difference of neighbouring frames."""
    return _mean(jnp.abs(jnp.diff(motion, axis=1)), jnp.minimum(weights[:, 1:], weights[:, :-1]))


def _mean(values: Array, weights: Array) -> Array:
    """(M,) over the frames (B, T) that count."""
    return jnp.einsum("bt,btm->m", weights, values) / jnp.maximum(weights.sum(), 1e-6)


def other_controls(key: Array, conditions: Conditions, share: float) -> Conditions:
    """The same with gaze, distance and emotion of a `share` of the examples drawn from what users may ask for: the
    clips alone would leave the student to guess there. One emotion at a time, as at inference."""
    keys = jax.random.split(key, 5)
    drawn = jax.random.bernoulli(keys[0], share, conditions.audio_length.shape)[:, None]
    low, high = DISTANCES
    size = conditions.emotion.shape
    one = jax.nn.one_hot(jax.random.randint(keys[3], size[:1], 0, size[1]), size[1])
    other = {
        "gaze": jax.random.uniform(keys[1], conditions.gaze.shape, minval=-GAZE_RANGE, maxval=GAZE_RANGE),
        "distance": jax.random.uniform(keys[2], conditions.distance.shape, minval=low, maxval=high),
        "emotion": one * jax.random.uniform(keys[4], (size[0], 1)),
    }
    return conditions.replace(**{n: jnp.where(drawn, value, getattr(conditions, n)) for n, value in other.items()})
