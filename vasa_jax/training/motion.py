"""Stage 2: the diffusion transformer on windows of encoded motion. Face and speech encoders are frozen and
not needed."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vasa_jax.data.windows import MotionWindows
from vasa_jax.motion import conditions as conditioning
from vasa_jax.motion import cosine_schedule, diffusion, sample_window
from vasa_jax.training.stage import ALONE, Company, Report
from vasa_jax.types import Conditions

SAMPLING_STEPS = 10  # enough to watch with; inference takes 50


@dataclasses.dataclass(frozen=True)
class MotionLoss:
    """E ||X_0 - H(X_t, t, C)||^2 with dropped conditions: batch of data.windows.MotionWindows -> scalar.

    Attributes:
      model: the motion transformer.
      velocity: weight of the same error of frame differences.
      drop, drop_previous, cut: rates, see motion.conditions.drop.
      deterministic: True leaves out the network's own dropout.
    """

    model: Any
    velocity: float = 1.0
    drop: float = 0.1
    drop_previous: float = 0.5
    cut: float = 0.1
    deterministic: bool = False

    def __call__(
        self, params: Any, batch: Mapping[str, Array], key: Array, company: Company = ALONE
    ) -> tuple[Array, dict[str, Array]]:
        drop_key, network_key, loss_key = jax.random.split(key, 3)
        wanted = conditioning.drop(drop_key, conditions_of(batch), self.drop, self.drop_previous, self.cut)

        def predict(noised: Array, step: Array, conditions: Conditions) -> Array:
            return self.model.apply(
                {"params": params},
                noised,
                step,
                conditions,
                self.deterministic,
                rngs={"dropout": network_key},
            )

        inside = jnp.arange(batch["motion"].shape[1]) < batch["length"][:, None]
        loss, parts = diffusion.loss(
            predict,
            cosine_schedule(),
            batch["motion"],
            wanted,
            loss_key,
            velocity_weight=self.velocity,
            frame_weights=inside.astype(jnp.float32),
        )
        return loss, {"loss": loss, **parts}


def conditions_of(batch: Mapping[str, Array]) -> Conditions:
    """Everything that a window of a clip gives."""
    present = jnp.ones(batch["length"].shape, bool)
    return Conditions(
        previous_motion=batch["previous_motion"],
        previous_audio=batch["previous_audio"],
        audio=batch["audio"],
        audio_length=batch["length"],
        gaze=batch["gaze"],
        distance=batch["distance"],
        emotion=batch["emotion"],
        has_previous=batch["has_previous"],
        **dict.fromkeys(("has_audio", "has_gaze", "has_distance", "has_emotion"), present),
    )


@dataclasses.dataclass(frozen=True)
class LipReading:
    """A linear read-out of the lip opening from standardised motion, to watch lips without drawing them.

    Attributes:
      weights: (M,). bias: scalar.
    """

    weights: np.ndarray
    bias: float

    def __call__(self, motion: Array) -> Array:
        return motion @ self.weights + self.bias


class MotionReport:
    """Loss on held-out first windows, and how well the lips of sampled motion follow the audio there."""

    def __init__(self, model: Any, source: Any, lips: LipReading, clips: int = 32):
        sample = MotionWindows(model.window, model.history, first=1.0)
        pairs = [sample(source[i], np.random.default_rng(0)) for i in range(min(clips, len(source)))]
        self._batch = {name: np.stack([pair[name] for pair in pairs]) for name in pairs[0]}
        self._loss = MotionLoss(model, drop=0.0, drop_previous=0.0, cut=0.0, deterministic=True)
        self._model, self._lips = model, lips
        self._look = jax.jit(self._measure)

    def __call__(self, params: Any) -> Report:
        loss, lips, swapped = jax.device_get(self._look(params, self._batch))
        length, truth = self._batch["length"], self._batch["lip_opening"]
        return Report(
            {
                "loss": float(loss),
                "lip_correlation": correlation(lips, truth, length),
                "lip_correlation_swapped": correlation(swapped, truth, length),
                "lip_spread": float(lips.std() / (truth.std() + 1e-6)),
            }
        )

    def _measure(self, params: Any, batch: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        wanted, key = conditions_of(batch), jax.random.key(0)
        other = wanted.replace(audio=jnp.roll(wanted.audio, 1, 0))
        loss = self._loss(params, batch, key)[0]
        return loss, self._sample(params, wanted, key), self._sample(params, other, key)

    def _sample(self, params: Any, wanted: Conditions, key: Array) -> Array:
        guidance = {"audio": jnp.float32(0.5)}
        motion = sample_window(self._model, {"params": params}, wanted, key, steps=SAMPLING_STEPS, guidance=guidance)
        return self._lips(motion)


def correlation(made: np.ndarray, truth: np.ndarray, length: np.ndarray) -> float:
    """Correlation of two (B, W) curves within each clip's `length`, mean over the clips whose curves move at all."""
    pairs = [(a[:n], b[:n]) for a, b, n in zip(made, truth, length, strict=True)]
    found = [np.corrcoef(a, b)[0, 1] for a, b in pairs if len(a) > 2 and a.std() > 1e-6 and b.std() > 1e-6]
    return float(np.mean(found)) if found else 0.0
