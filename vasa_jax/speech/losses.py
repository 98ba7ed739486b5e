"""What the speech encoder is trained for beside the motion that follows from it."""

import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, Int


def phone_loss(
    logits: Float[Array, "batch frames slots phones"],
    targets: Int[Array, "batch frames slots"],
    slot_weights: Float[Array, "batch frames slots"] | None = None,
    label_weights: Float[Array, " phones"] | None = None,
) -> Float[Array, ""]:
    """Cross entropy in nats, the weighted mean over slots.

    Args:
      slot_weights: 0 for padding; all ones if None.
      label_weights: by phone, so that silence can count less; all ones if None.
    """
    weights = jnp.ones(targets.shape) if slot_weights is None else slot_weights
    if label_weights is not None:
        weights = weights * label_weights[targets]
    each = optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), targets)
    return (each * weights).sum() / jnp.maximum(weights.sum(), 1e-6)
