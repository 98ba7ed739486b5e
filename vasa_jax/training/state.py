"""All that a step changes, as one frozen pytree, created where it will live."""

from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.sharding import Mesh

from vasa_jax.training import mesh as meshes

Init = Callable[[Array], Any]


@flax.struct.dataclass
class Learner:
    """A second network that learns beside the first: the critic.

    Attributes:
      params: float32. opt_state: of its own optimiser.
    """

    params: Any
    opt_state: Any


@flax.struct.dataclass
class TrainState:
    """A training between two steps.

    Attributes:
      step: () int32, steps taken in the whole training.
      phase_step: () int32, steps taken since the optimiser was fresh.
      params: what is learned, float32.
      ema: their running average, which is what leaves the training.
      opt_state: of the optimiser.
      critic: a Learner; None where a training has no critic in any phase.
    """

    step: Any
    phase_step: Any
    params: Any
    ema: Any
    opt_state: Any
    critic: Any = None


def new_state(params: Any, optimiser: optax.GradientTransformation, critic: Learner | None = None) -> TrainState:
    zero = jnp.zeros((), jnp.int32)
    return TrainState(zero, jnp.copy(zero), params, jax.tree.map(jnp.copy, params), optimiser.init(params), critic)


def first_state(
    init: Init,
    optimiser: optax.GradientTransformation,
    critic: tuple[Init, optax.GradientTransformation] | None = None,
) -> Callable[[Array], TrainState]:
    """key -> the state before the first step; pure, so that its shapes are known without computing it.

    Args:
      init: key -> parameters.
      critic: init and optimiser of the critic.
    """

    def first(key: Array) -> TrainState:
        if critic is None:
            return new_state(init(key), optimiser)
        critic_params = critic[0](jax.random.fold_in(key, 1))
        return new_state(init(key), optimiser, Learner(critic_params, critic[1].init(critic_params)))

    return first


def create(first: Callable[[Array], TrainState], mesh: Mesh, key: Array) -> tuple[TrainState, Any]:
    """The first state and its shardings; each device computes only its own part of the parameters."""
    places = meshes.shardings(mesh, jax.eval_shape(first, key))
    return jax.jit(first, out_shardings=places)(key), places


def next_phase(state: TrainState, optimiser: optax.GradientTransformation) -> TrainState:
    """The same weights with a fresh optimiser and average: the losses of the next phase have other gradients."""
    return new_state(state.params, optimiser, state.critic).replace(step=state.step)
