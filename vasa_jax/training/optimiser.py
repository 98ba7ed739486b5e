"""AdamW with clipped gradients, and a learning rate that follows the share of the budget which is used up."""

import dataclasses

import jax.numpy as jnp
import optax
from jax import Array


@dataclasses.dataclass(frozen=True)
class Optimiser:
    """The numbers of AdamW and its schedule.

    Attributes:
      learning_rate: the highest.
      b1, b2, weight_decay: of AdamW.
      clip: largest global norm of a gradient.
      warmup: steps of linear rise at the start of each phase.
      final: share of the highest rate that is left at the end of a phase.
      ema: decay of the averaged weights, reached gradually.
    """

    learning_rate: float
    b1: float = 0.9
    b2: float = 0.99
    weight_decay: float = 1e-4
    clip: float = 1.0
    warmup: int = 100
    final: float = 0.02
    ema: float = 0.999

    def transformation(self) -> optax.GradientTransformation:
        """Gradients to a step of unit learning rate (to be subtracted)."""
        return optax.chain(
            optax.clip_by_global_norm(self.clip),
            optax.scale_by_adam(self.b1, self.b2),
            optax.add_decayed_weights(self.weight_decay),
        )

    def rate(self, step: Array, progress: Array) -> Array:
        """Linear warmup in `step`, then a cosine in `progress`, the used share of the phase's budget in [0,
        1].

        A share and not a step count, since a budget may be of minutes.
        """
        rise = jnp.minimum(1.0, (step + 1) / max(self.warmup, 1))
        fall = self.final + (1 - self.final) * 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(progress, 0, 1)))
        return self.learning_rate * rise * fall

    def decay(self, step: Array) -> Array:
        """Decay of the average after `step` steps: short at first, so that early weights do not linger."""
        return jnp.minimum(self.ema, (1 + step) / (10 + step))
