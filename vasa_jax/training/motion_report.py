"""How a motion transformer, or its student, does on held-out clips while it trains."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vasa_jax.data.windows import MotionWindows
from vasa_jax.evaluation.motion_measures import LinearReading, MotionSpace, amounts, correlation
from vasa_jax.motion import GUIDANCE, Sampling, Statistics, sample_window
from vasa_jax.motion.conditions import NAMES, without
from vasa_jax.training.motion import MotionLoss, conditions_of
from vasa_jax.training.stage import Report
from vasa_jax.types import Conditions

QUICK = Sampling(10)  # enough to watch with; inference takes 50
CLIPS, LATER, REFERENCE = 32, 24, 128  # most held-out clips; least windows within them; most training windows

Sample = Callable[[Any, Conditions], jax.Array]  # parameters and conditions -> standardised motion


class HeldOut:
    """The first window of each held-out clip, as long as every video's; and later ones, each going on from true motion.

    Args:
      window, history: W and K of the model.
      splits: "train" and "validation" clips, see `data.windows.motion_of`.
      about: statistics of the motion set.
    """

    def __init__(self, window: int, history: int, splits: Mapping[str, Any], about: Mapping[str, Any]):
        held_out = splits["validation"]
        count = min(CLIPS, len(held_out))
        first, within = (MotionWindows(window, history, first=share) for share in (1.0, 0.0))
        self.first = _windows(first, held_out, range(count))
        self.later = _windows(within, held_out, range(count * math.ceil(LATER / count)))
        data = _windows(within, splits["train"], range(min(REFERENCE, len(splits["train"]))))
        self._space = MotionSpace(data["motion"], data["length"])
        self._statistics = Statistics.stored(about)
        self._lips = LinearReading.of(about, "lips")

    def measures(self, sample: Sample, params: Any) -> dict[str, float]:
        """Of the motion that `sample` makes for these windows.

        lip_correlation, lip_correlation_swapped: with the true lip opening, the own and another clip's speech given;
        lip_spread, pose_change, dynamics_spread: how much moves, as a share of what moves in the data; frechet: see
        `MotionSpace`, beside frechet_data, that of the held-out clips themselves.
        """
        given, length, truth = conditions_of(self.first), self.first["length"], self.first["lip_opening"]
        lips = self._lips(np.asarray(sample(params, given)))
        swapped = self._lips(np.asarray(sample(params, given.replace(audio=jnp.roll(given.audio, 1, 0)))))
        made = np.asarray(sample(params, conditions_of(self.later)))
        data, counted = self.later["motion"], self.later["length"]
        ours, theirs = (amounts(motion, counted, self._statistics) for motion in (made, data))
        return {
            "lip_correlation": correlation(lips, truth, length),
            "lip_correlation_swapped": correlation(swapped, truth, length),
            "lip_spread": float(lips.std() / (truth.std() + 1e-6)),
            **{name: ours[name] / (theirs[name] + 1e-6) for name in ours},
            "frechet": self._space.distance(made, counted),
            "frechet_data": self._space.distance(data, counted),
        }


class MotionReport:
    """Averaged parameters -> loss on first windows; absent_<name>: on later ones without that condition, absent_none
    with all; and `HeldOut.measures` of samples."""

    def __init__(self, model: Any, splits: Mapping[str, Any], about: Mapping[str, Any]):
        self._held_out = HeldOut(model.window, model.history, splits, about)
        loss = MotionLoss(model, drop=0.0, drop_previous=0.0, cut=0.0, deterministic=True)
        self._loss = jax.jit(lambda params, batch: loss(params, batch, jax.random.key(0))[0])
        self._absent = jax.jit(
            lambda params, batch: {
                name: loss.of(params, batch["motion"], wanted, batch["length"], jax.random.key(0))[0]
                for name, wanted in absent(conditions_of(batch)).items()
            }
        )
        self._sample = sampler(model, QUICK, {"audio": GUIDANCE["audio"]})

    def __call__(self, params: Any) -> Report:
        without_each = jax.device_get(self._absent(params, self._held_out.later))
        return Report(
            {
                "loss": float(self._loss(params, self._held_out.first)),
                **{f"absent_{name}": float(value) for name, value in without_each.items()},
                **self._held_out.measures(self._sample, params),
            }
        )


class StudentReport:
    """Averaged parameters -> `HeldOut.measures` of the student, and as teacher_... of its teacher at 50 steps, with the
    same noise and inference's guidance; difference: root mean square between the two, in deviations."""

    def __init__(
        self, student: Any, steps: int, teacher: Any, teacher_params: Any, splits: Mapping[str, Any], about: Any
    ):
        self._held_out = HeldOut(student.window, student.history, splits, about)
        self._sample = sampler(student, Sampling(steps), GUIDANCE)
        taught = sampler(teacher, Sampling(), GUIDANCE)
        self._teacher = {f"teacher_{n}": x for n, x in self._held_out.measures(taught, teacher_params).items()}
        self._right = taught(teacher_params, conditions_of(self._held_out.later))

    def __call__(self, params: Any) -> Report:
        made = self._sample(params, conditions_of(self._held_out.later))
        difference = float(jnp.sqrt(((made - self._right) ** 2).mean()))
        return Report({"difference": difference, **self._held_out.measures(self._sample, params), **self._teacher})


def absent(conditions: Conditions) -> dict[str, Conditions]:
    """All conditions as "none", and under each name those without it."""
    return {"none": conditions, **{name: without(conditions, name) for name in NAMES}}


def sampler(model: Any, sampling: Sampling, guidance: Mapping[str, float]) -> Sample:
    """The jitted sampler, always with the same noise."""
    scales = {name: jnp.float32(scale) for name, scale in guidance.items()}

    def sample(params: Any, conditions: Conditions) -> jax.Array:
        key = jax.random.key(0)
        return sample_window(model, {"params": params}, conditions, key, sampling=sampling, guidance=scales)

    return jax.jit(sample)


def _windows(sample: MotionWindows, source: Any, indices: range) -> dict[str, np.ndarray]:
    """A batch of one window for each index, clips in turn; each has its own random start."""
    drawn = [sample(source[i % len(source)], np.random.default_rng(i)) for i in indices]
    return {name: np.stack([each[name] for each in drawn]) for name in drawn[0]}
