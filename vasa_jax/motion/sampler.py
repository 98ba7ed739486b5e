"""Motion of one window from noise: a scan over DDIM steps, each a forward pass of all guidance branches."""

from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from vasa_jax.motion.diffusion import cosine_schedule, ddim_step
from vasa_jax.motion.guidance import Guidance, guided
from vasa_jax.types import Conditions


@runtime_checkable
class MotionModel(Protocol):
    """What the sampler asks of a model: MotionTransformer, or a stub of it."""

    window: int
    history: int
    motion_size: int

    def apply(self, variables: Any, noised: Array, step: Array, conditions: Conditions) -> Array: ...


def sample_window(
    model: MotionModel,
    variables: Any,
    conditions: Conditions,
    key: Array,
    *,
    steps: int,
    guidance: Guidance,
) -> Float[Array, "batch window motion"]:
    """One window of standardised motion, by DDIM with eta 0.

    The steps are evenly spaced and the first is T-1, the pure noise that sampling starts from (arXiv
    2305.08891, section 3.3); the last prediction of X_0 is the result.

    Args:
      steps: static number of DDIM steps, 1 to 1000; the paper takes 50.
      guidance: guidance scales by name of the condition, traced; which names there are is static. Where all
        are 0 the null branches are not computed, and the result is that of no guidance to the bit.
    """
    if not guidance:
        return _ddim(model, variables, conditions, key, steps, {})
    used = jnp.stack([jnp.asarray(scale) != 0 for scale in guidance.values()]).any()
    return jax.lax.cond(
        used,
        lambda: _ddim(model, variables, conditions, key, steps, guidance),
        lambda: _ddim(model, variables, conditions, key, steps, {}),
    )


def _ddim(
    model: MotionModel, variables: Any, conditions: Conditions, key: Array, steps: int, guidance: Guidance
) -> Array:
    schedule = cosine_schedule()
    times = jnp.round(schedule.steps * jnp.arange(steps, 0, -1) / steps).astype(jnp.int32) - 1
    shares = jnp.append(schedule.alpha_bar[times], 1.0)
    batch = conditions.audio.shape[0]

    def predict(noised: Array, step: Array, c: Conditions) -> Array:
        return model.apply(variables, noised, step, c)

    def denoise(noised: Array, now: tuple[Array, Array, Array]) -> tuple[Array, None]:
        time, share, next_share = now
        clean = guided(predict, noised, jnp.full(batch, time), conditions, guidance)
        return ddim_step(noised, clean, share, next_share), None

    noise = jax.random.normal(key, (batch, model.window, model.motion_size))
    return jax.lax.scan(denoise, noise, (times, shares[:-1], shares[1:]))[0]
