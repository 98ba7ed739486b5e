"""Stage 2: the diffusion transformer on windows of encoded motion. Face and speech encoders are frozen and
not needed."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vasa_jax.motion import conditions as conditioning
from vasa_jax.motion import cosine_schedule, diffusion
from vasa_jax.motion.statistics import AnyArray
from vasa_jax.training.stage import ALONE, Company
from vasa_jax.types import Conditions


@dataclasses.dataclass(frozen=True)
class MotionLoss:
    """E ||X_0 - H(X_t, t, C)||^2 with dropped conditions: batch of data.windows.MotionWindows -> scalar.

    Attributes:
      model: the motion transformer.
      velocity: weight of the same error of frame differences.
      seam: weight of the same error of the first frame, where the frames before it are given.
      lids: weight of the same error of the lids' closing, which lid_reading (M,) reads in deviations.
      drop, drop_previous, cut: rates, see motion.conditions.drop.
      deterministic: True leaves out the network's own dropout.
    """

    model: Any
    velocity: float = 1.0
    seam: float = 0.0
    lids: float = 0.0
    lid_reading: tuple[float, ...] = ()
    drop: float = 0.1
    drop_previous: float = 0.5
    cut: float = 0.1
    deterministic: bool = False

    def __call__(
        self, params: Any, batch: Mapping[str, Array], key: Array, company: Company = ALONE
    ) -> tuple[Array, dict[str, Array]]:
        drop_key, key = jax.random.split(key)
        wanted = conditioning.drop(drop_key, conditions_of(batch), self.drop, self.drop_previous, self.cut)
        return self.of(params, batch["motion"], wanted, batch["length"], key)

    def of(
        self, params: Any, motion: Array, wanted: Conditions, length: Array, key: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The same with these conditions; frames of `motion` (B, W, M) from `length` (B,) on do not count."""
        network_key, loss_key = jax.random.split(key)

        def predict(noised: Array, step: Array, conditions: Conditions) -> Array:
            return self.model.apply(
                {"params": params},
                noised,
                step,
                conditions,
                self.deterministic,
                rngs={"dropout": network_key},
            )

        inside = jnp.arange(motion.shape[1]) < length[:, None]
        loss, parts = diffusion.loss(
            predict,
            cosine_schedule(),
            motion,
            wanted,
            loss_key,
            velocity_weight=self.velocity,
            seam_weight=self.seam,
            lids_weight=self.lids,
            frame_weights=inside.astype(jnp.float32),
            lids=jnp.asarray(self.lid_reading) if self.lids else None,
        )
        return loss, {"loss": loss, **parts}


def conditions_of(batch: Mapping[str, AnyArray]) -> Conditions:
    """Everything that a window of a clip gives; gaze, distance and emotion that its clip lacks (NaN) are absent.

    A clip of which only some emotions are known, as from a classifier of few classes, has that condition all the same,
    with 0 for the others: else such a classifier would teach nothing.
    """
    labels = {name: jnp.asarray(batch[name]) for name in ("gaze", "distance", "emotion")}
    known = {f"has_{name}": jnp.isfinite(label).all(-1) for name, label in labels.items()}
    known["has_emotion"] = jnp.isfinite(labels["emotion"]).any(-1)
    return Conditions(
        previous_motion=batch["previous_motion"],
        previous_audio=batch["previous_audio"],
        audio=batch["audio"],
        audio_length=batch["length"],
        **{name: jnp.nan_to_num(label) for name, label in labels.items()},
        has_previous=batch["has_previous"],
        has_audio=jnp.ones(batch["length"].shape, bool),
        **known,
    )
