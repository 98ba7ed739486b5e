"""From noise to motion in few or many steps: DDIM and DPM-Solver++(2M) over any function that predicts X_0.

Sampling begins at step T-1, the pure noise that it starts from (arXiv 2305.08891, section 3.3), visits evenly spaced
steps and ends with the last prediction of X_0. At T-1 alpha_bar is nothing but rounding. Neither sampler divides by its
root; that its log-SNR is minus infinity matters to DPM-Solver++ alone, see `slope_weights`.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from vasa_jax.motion.diffusion import STEPS, ddim_step
from vasa_jax.types import SAMPLERS

PURE_NOISE = 1e-9  # alpha_bar below it


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How noise becomes motion; static, so that each is a program of its own.

    Attributes:
      steps: forward passes of the network, 1 to 1000; the paper takes 50.
      sampler: "ddim" (arXiv 2010.02502), or "dpm" for DPM-Solver++(2M) (arXiv 2211.01095), which comes as near to the
        exact solution in fewer steps.
      eta: of DDIM, 0 to 1: share of fresh noise in each step, 0 for none, 1 for the ancestral sampling of DDPM. Static
        as well: without it no noise is drawn.

    Raises:
      ValueError: a value out of range, or fresh noise where the sampler has none.
    """

    steps: int = 50
    sampler: str = "ddim"
    eta: float = 0.0

    def __post_init__(self):
        if self.sampler not in SAMPLERS:
            raise ValueError(f"no sampler is called {self.sampler!r}; there are {', '.join(SAMPLERS)}")
        if not 1 <= self.steps <= STEPS:
            raise ValueError(f"the number of steps is from 1 to {STEPS}, not {self.steps}")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta is from 0 to 1, not {self.eta}")
        if self.eta and self.sampler != "ddim":
            raise ValueError("eta is of the sampler ddim")


def visited(steps: int, total: int = STEPS) -> Array:
    """(steps,) int32 diffusion steps that are visited, from total - 1 down, evenly spaced."""
    return jnp.round(total * jnp.arange(steps, 0, -1) / steps).astype(jnp.int32) - 1


def solve(
    denoise: Callable[[Array, Array], Array],
    noised: Float[Array, "*shape"],
    key: Array,
    shares: Float[Array, " steps_and_end"],
    sampling: Sampling,
) -> Float[Array, "*shape"]:
    """From X at the first of `shares` to X at the last of them.

    Args:
      denoise: (X_t, index of the step, from 0) -> X_0 as predicted.
      key: of the fresh noise, used with an eta above 0 only.
      shares: (S + 1,) alpha_bar of the S steps and of the end; 1 for the clean motion.
      sampling: with S steps.
    """
    steps = (jnp.arange(sampling.steps), shares[:-1], shares[1:])
    if sampling.sampler == "dpm":
        return _dpm(denoise, noised, (*steps, slope_weights(shares)))

    def one(noised: Array, now: tuple[Array, Array, Array]) -> tuple[Array, None]:
        index, share, next_share = now
        clean = denoise(noised, index)
        if not sampling.eta:
            return ddim_step(noised, clean, share, next_share), None
        fresh = jax.random.normal(jax.random.fold_in(key, index), noised.shape, noised.dtype)
        return ddim_step(noised, clean, share, next_share, sampling.eta, fresh), None

    return jax.lax.scan(one, noised, steps)[0]


def _dpm(denoise: Callable, noised: Array, steps: tuple[Array, ...]) -> Array:
    """A step of first order is that of DDIM; one of second order is the same towards X_0 carried on along its slope."""

    def one(carry: tuple[Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, Array], None]:
        noised, before = carry
        index, share, next_share, weight = now
        clean = denoise(noised, index)
        towards = clean + weight * (clean - before)
        return (ddim_step(noised, towards, share, next_share), clean), None

    return jax.lax.scan(one, (noised, jnp.zeros_like(noised)), steps)[0][0]


def slope_weights(shares: Float[Array, " steps_and_end"]) -> Float[Array, " steps"]:
    """1 / (2 r_i) of DPM-Solver++(2M), algorithm 2: how far each step carries X_0 on from the prediction before it.

    r_i = h_{i-1} / h_i, with h_i the growth of lambda = log(alpha / sigma) in step i. 0, which is first order, in
    - the first step, which has no prediction before it;
    - the second, if the first begins at pure noise: its h is infinite, not some number that rounding makes of
      log(alpha_bar). What is lost is of second order too, since X_0 as predicted changes with alpha there, and alpha is
      of the order of one over the number of steps;
    - the last, if it ends at the clean motion: its own h is infinite.
    """
    lambdas = 0.5 * (jnp.log(jnp.where(shares < PURE_NOISE, 0.0, shares)) - jnp.log1p(-shares))
    growth = jnp.diff(lambdas)
    inner = jnp.where(jnp.isinf(growth[1:]), 0.0, growth[1:] / (2 * growth[:-1]))
    return jnp.concatenate([jnp.zeros_like(growth[:1]), inner])
