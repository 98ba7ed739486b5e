"""The streaming speech encoder, trained to tell phones apart and, with a teacher, to hear what a larger encoder hears.

Its features are then frozen for stage 2.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vasa_jax.data.windows import SpeechWindows
from vasa_jax.speech import PHONES
from vasa_jax.speech.losses import phone_loss
from vasa_jax.training import audio
from vasa_jax.training.lesson import HEAD, Lesson
from vasa_jax.training.stage import ALONE, Company, Report
from vasa_jax.types import FPS

SILENCE = PHONES.index("SIL")


@dataclasses.dataclass(frozen=True)
class SpeechLoss:
    """Cross entropy of phones, and the lesson's loss beside it: batch of data.windows.SpeechWindows -> scalar.

    Attributes:
      model: a speech encoder with phones_of.
      noise: strength of the audio augmentation; the teacher heard the clip without it.
      silence: weight of silent slots; they are many and easy.
      lesson: None without a teacher.
    """

    model: Any
    noise: float = 1.0
    silence: float = 0.3
    lesson: Lesson | None = None

    def __call__(
        self, params: Any, batch: Mapping[str, Array], key: Array, company: Company = ALONE
    ) -> tuple[Array, dict[str, Array]]:
        heard = audio.augment(key, batch["audio"], self.noise)
        features = self.model.apply({"params": params}, heard)
        logits = self.model.apply({"params": params}, features, method="phones_of")
        weights = complete(self.model, batch["phones"])
        loss = phone_loss(logits, batch["phones"], weights, jnp.ones(len(PHONES)).at[SILENCE].set(self.silence))
        metrics = {"accuracy": accuracy(logits, batch["phones"], weights)}
        if self.lesson is not None:
            missed = self.lesson.missed(params[HEAD], features, batch["taught"], weights[..., 0] * batch["within"])
            loss, metrics = loss + self.lesson.weight * missed, {**metrics, "missed": missed}
        return loss, {"loss": loss, **metrics}


def complete(model: Any, phones: Array) -> Array:
    """1 for the slots of frames whose look-ahead lies within the stretch, 0 for the last few."""
    ahead = round(model.look_ahead * FPS)
    inside = jnp.arange(phones.shape[1]) < phones.shape[1] - ahead
    return jnp.broadcast_to(inside[None, :, None], phones.shape).astype(jnp.float32)


def accuracy(logits: Array, phones: Array, weights: Array) -> Array:
    """Share of the spoken slots whose phone is right."""
    spoken = weights * (phones != SILENCE)
    return jnp.sum(spoken * (logits.argmax(-1) == phones)) / jnp.maximum(spoken.sum(), 1)


class SpeechReport:
    """Phone accuracy, and what is missed of the lesson, on the middle of held-out clips, clean and with noise."""

    def __init__(self, model: Any, source: Any, frames: int, clips: int = 32, lesson: Lesson | None = None):
        sample, generator = SpeechWindows(frames, speed=0.0), np.random.default_rng(0)
        pairs = [sample(source[i], generator) for i in range(min(clips, len(source)))]
        self._batch = {name: np.stack([pair[name] for pair in pairs]) for name in pairs[0]}
        strengths = {"clean": 0.0, "noisy": 1.0}
        self._losses = {name: SpeechLoss(model, noise, lesson=lesson) for name, noise in strengths.items()}
        self._look = jax.jit(self._measure)

    def __call__(self, params: Any) -> Report:
        return Report({name: float(value) for name, value in self._look(params, self._batch).items()})

    def _measure(self, params: Any, batch: Mapping[str, Array]) -> dict[str, Array]:
        seen = {name: loss(params, batch, jax.random.key(0))[1] for name, loss in self._losses.items()}
        return {f"{name}_{what}": value for name, metrics in seen.items() for what, value in metrics.items()}
