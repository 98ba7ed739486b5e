"""The diffusion: how motion is noised, what the network is asked for, one step back. No weights."""

from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from vasa_jax.types import Conditions

STEPS = 1000
Predict = Callable[[Array, Array, Conditions], Array]


@flax.struct.dataclass
class Schedule:
    """How much of the signal is left after each diffusion step.

    Attributes:
      alpha_bar: (T,) share of the signal's variance; step t of 0..T-1 has alpha_bar[t], falling from near 1
        to near 0.
    """

    alpha_bar: Array

    @property
    def steps(self) -> int:
        """T."""
        return self.alpha_bar.shape[0]


def cosine_schedule(steps: int = STEPS, offset: float = 0.008) -> Schedule:
    """Cosine schedule of "Improved DDPM", equation 17 (arXiv 2102.09672); the last step is pure noise.

    alpha_bar(u) = cos^2((u + offset) / (1 + offset) * pi / 2), over its value at u = 0, with u = (t + 1) / T.
    Its clipping of single steps is left out: the network predicts X_0, so no division by alpha_bar occurs.
    """
    u = jnp.arange(1, steps + 1) / steps
    share = jnp.cos((u + offset) / (1 + offset) * jnp.pi / 2) ** 2
    return Schedule(share / jnp.cos(offset / (1 + offset) * jnp.pi / 2) ** 2)


def add_noise(
    schedule: Schedule,
    clean: Float[Array, "batch window motion"],
    noise: Float[Array, "batch window motion"],
    step: Int[Array, " batch"],
) -> Float[Array, "batch window motion"]:
    """X_t = sqrt(alpha_bar_t) X_0 + sqrt(1 - alpha_bar_t) noise, the noise unit normal (DDPM, equation 4)."""
    share = schedule.alpha_bar[step][:, None, None]
    return jnp.sqrt(share) * clean + jnp.sqrt(1 - share) * noise


def ddim_step(
    noised: Float[Array, "*shape"],
    clean: Float[Array, "*shape"],
    share: Float[Array, ""],
    next_share: Float[Array, ""],
    eta: float = 0.0,
    fresh: Float[Array, "*shape"] | None = None,
) -> Float[Array, "*shape"]:
    """From X_t and predicted X_0 to X at the next, cleaner step: DDIM, equations 12 and 16 (arXiv 2010.02502).

    Args:
      share: alpha_bar of X_t, below 1.
      next_share: alpha_bar of the result; 1 gives `clean` itself.
      eta: share of fresh noise, static; 1 makes as much of it as the posterior of DDPM holds.
      fresh: unit normal; None with an eta of 0.
    """
    noise = (noised - jnp.sqrt(share) * clean) / jnp.sqrt(1 - share)
    if not eta:
        return jnp.sqrt(next_share) * clean + jnp.sqrt(1 - next_share) * noise
    added = eta**2 * (1 - next_share) / (1 - share) * (1 - share / next_share)
    kept = jnp.maximum(1 - next_share - added, 0.0)  # rounding may go below
    return jnp.sqrt(next_share) * clean + jnp.sqrt(kept) * noise + jnp.sqrt(added) * fresh


def clean_between(
    noised: Float[Array, "*shape"],
    reached: Float[Array, "*shape"],
    share: Float[Array, ""],
    next_share: Float[Array, ""],
) -> Float[Array, "*shape"]:
    """The X_0 towards which one `ddim_step` of eta 0 from `noised` at `share` reaches `reached` at `next_share`.

    What a student is to predict whose one step does several of its teacher ("Progressive distillation", appendix G,
    arXiv 2202.00512).
    """
    kept = jnp.sqrt((1 - next_share) / (1 - share))
    return (reached - kept * noised) / (jnp.sqrt(next_share) - kept * jnp.sqrt(share))


def motion_errors(
    clean: Float[Array, "batch window motion"],
    predicted: Float[Array, "batch window motion"],
    frame_weights: Float[Array, "batch window"] | None = None,
    dimension_weights: Float[Array, " motion"] | None = None,
    goes_on: Bool[Array, " batch"] | None = None,
    lids: Float[Array, " motion"] | None = None,
) -> dict[str, Float[Array, ""]]:
    """Weighted mean squared errors of motion, of its velocity, of the seam to the window before, and of the lids.

    Args:
      frame_weights: 0 for frames that are padding; all ones if None.
      dimension_weights: of each component, so that a few (pose, say) can count more; all ones if None.
      goes_on: whether the frames before the window are known; nowhere if None.
      lids: what reads from motion how far the lids are closed, in deviations.

    Returns:
      "motion": mean of (X_0 - H)^2; "velocity": the same for the differences of neighbouring frames; "seam": the same
      for the first frame where the window goes on, which is its difference to the frame before, since that is given;
      "lids", where they are read: the same for their closing.
    """
    frames = jnp.ones(clean.shape[:2]) if frame_weights is None else frame_weights
    dimensions = jnp.ones(clean.shape[-1:]) if dimension_weights is None else dimension_weights
    goes_on = jnp.zeros(clean.shape[:1]) if goes_on is None else goes_on.astype(jnp.float32)

    def mean(error: Array, weights: Array) -> Array:
        each = (error.astype(jnp.float32) ** 2 * dimensions).mean(-1)
        return (each * weights).sum() / jnp.maximum(weights.sum(), 1e-6)

    error = clean - predicted
    between = jnp.minimum(frames[:, 1:], frames[:, :-1])
    errors = {
        "motion": mean(error, frames),
        "velocity": mean(jnp.diff(error, axis=1), between),
        "seam": mean(error[:, 0], goes_on * frames[:, 0]),
    }
    if lids is not None:
        errors["lids"] = ((error.astype(jnp.float32) @ lids) ** 2 * frames).sum() / jnp.maximum(frames.sum(), 1e-6)
    return errors


def loss(
    predict: Predict,
    schedule: Schedule,
    clean: Float[Array, "batch window motion"],
    conditions: Conditions,
    key: Array,
    *,
    velocity_weight: float = 0.0,
    seam_weight: float = 0.0,
    lids_weight: float = 0.0,
    frame_weights: Float[Array, "batch window"] | None = None,
    dimension_weights: Float[Array, " motion"] | None = None,
    lids: Float[Array, " motion"] | None = None,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """E ||X_0 - H(X_t, t, C)||^2 with t uniform (VASA-1, equation 1), as a mean over frames and components.

    The terms of velocity and seam are not in the paper: they ask a small model for smooth motion, within a window and
    from one to the next, and cost nothing. That of the lids makes it blink: a blink is brief and moves few of the
    components a little, so that a small model otherwise learns that there are hardly any.

    Args:
      predict: H as a function of (noised, step, conditions).
      conditions: C, with whatever is to be dropped already dropped (`conditions.drop`).
      key: draws t and the noise.

    Returns:
      The loss and its unweighted parts, see `motion_errors`.
    """
    step_key, noise_key = jax.random.split(key)
    step = jax.random.randint(step_key, clean.shape[:1], 0, schedule.steps)
    noise = jax.random.normal(noise_key, clean.shape)
    predicted = predict(add_noise(schedule, clean, noise, step), step, conditions)
    parts = motion_errors(clean, predicted, frame_weights, dimension_weights, conditions.has_previous, lids)
    weights = {"motion": 1.0, "velocity": velocity_weight, "seam": seam_weight, "lids": lids_weight}
    return sum(weights[name] * part for name, part in parts.items()), parts
