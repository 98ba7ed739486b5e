"""Motion of one window from noise: a scan over diffusion steps, each a forward pass of all guidance branches."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from vasa_jax.motion.diffusion import add_noise, cosine_schedule
from vasa_jax.motion.guidance import Guidance, guided
from vasa_jax.motion.solvers import Sampling, solve, visited
from vasa_jax.types import Conditions, Leaf

Denoise = Callable[[Array, Array], Array]  # X_t and the steps (B,) of its examples -> X_0


@runtime_checkable
class MotionModel(Protocol):
    """What the sampler asks of a model: MotionTransformer, or a stub of it.

    A model with names in `told` takes their guidance scales (B, names) as `scales` and gives in one branch what
    guidance makes of several: a few-step student.
    """

    window: int
    history: int
    motion_size: int
    told: tuple[str, ...]

    def apply(self, variables: Any, noised: Array, step: Array, conditions: Conditions, **scales: Array) -> Array: ...


@flax.struct.dataclass
class Begun:
    """A window whose first frames have been shown.

    Attributes:
      motion: (B, W, M) standardised; what lies behind those frames does not count.
      frames: () int32, how many were shown, from 0.
    """

    motion: Leaf
    frames: Leaf


def sample_window(
    model: MotionModel,
    variables: Any,
    conditions: Conditions,
    key: Array,
    *,
    sampling: Sampling,
    guidance: Guidance,
    begun: Begun | None = None,
) -> Float[Array, "batch window motion"]:
    """One window of standardised motion.

    Args:
      key: of all its noise.
      sampling: static, see `solvers`.
      begun: frames that stand; the others go on from them.
      guidance: guidance scales by name of the condition, traced; which names there are is static. Where all
        are 0 the null branches are not computed, and the result is that of no guidance to the bit.
    """

    noise = jax.random.normal(key, (len(conditions.audio), model.window, model.motion_size))

    def sample(guidance: Guidance) -> Array:
        return _sample(denoiser(model, variables, conditions, guidance), noise, key, sampling, begun)

    if model.told or not guidance:
        return sample(guidance)
    used = jnp.stack([jnp.asarray(scale) != 0 for scale in guidance.values()]).any()
    return jax.lax.cond(used, lambda: sample(guidance), lambda: sample({}))


def denoiser(model: MotionModel, variables: Any, conditions: Conditions, guidance: Guidance) -> Denoise:
    """X_0 under guidance: by equation 2 in several branches, or in one where the model is told the scales.

    Args:
      guidance: scales by name; those that a model is told are () or (B,), 0 where they are not given.

    Raises:
      ValueError: a scale that the model is not told.
    """
    if not model.told:
        return lambda noised, step: guided(
            lambda x, t, c: model.apply(variables, x, t, c), noised, step, conditions, guidance
        )
    if unknown := set(guidance) - set(model.told):
        raise ValueError(f"the model is not told the guidance of {', '.join(sorted(unknown))}")
    given = [jnp.asarray(guidance.get(name, 0.0), jnp.float32) for name in model.told]
    scales = jnp.stack([jnp.broadcast_to(scale, len(conditions.audio)) for scale in given], -1)
    return lambda noised, step: model.apply(variables, noised, step, conditions, scales=scales)


def _sample(denoise: Denoise, noise: Array, key: Array, sampling: Sampling, begun: Begun | None) -> Array:
    """Frames that stand are noised to each step, with the noise that they began as, and predicted as they are: the
    replacement method, arXiv 2011.13456, appendix I.2."""
    schedule = cosine_schedule()
    steps = visited(sampling.steps, schedule.steps)

    def at(noised: Array, index: Array) -> Array:
        step = jnp.full(len(noise), steps[index])
        if begun is None:
            return denoise(noised, step)
        stands = (jnp.arange(noise.shape[1]) < begun.frames)[:, None]
        noised = jnp.where(stands, add_noise(schedule, begun.motion, noise, step), noised)
        return jnp.where(stands, begun.motion, denoise(noised, step))

    return solve(at, noise, key, jnp.append(schedule.alpha_bar[steps], 1.0), sampling)
