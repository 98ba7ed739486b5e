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


@flax.struct.dataclass
class TrainState:
    """A training between two steps.

    Attributes:
      step: () int32, steps taken in the whole training.
      phase_step: () int32, steps taken in the present phase.
      params: what is learned, float32.
      ema: their running average, which is what leaves the training.
      opt_state: of the optimiser; fresh in each phase.
    """

    step: Any
    phase_step: Any
    params: Any
    ema: Any
    opt_state: Any


def new_state(params: Any, optimiser: optax.GradientTransformation) -> TrainState:
    zero = jnp.zeros((), jnp.int32)
    return TrainState(zero, jnp.copy(zero), params, jax.tree.map(jnp.copy, params), optimiser.init(params))


def create(
    init: Callable[[Array], Any], optimiser: optax.GradientTransformation, mesh: Mesh, key: Array
) -> tuple[TrainState, Any]:
    """The first state and its shardings; each device computes only its own part of the parameters.

    Args:
      init: key -> parameters.
    """

    def first(key: Array) -> TrainState:
        return new_state(init(key), optimiser)

    places = meshes.shardings(mesh, jax.eval_shape(first, key))
    return jax.jit(first, out_shardings=places)(key), places


def next_phase(state: TrainState, optimiser: optax.GradientTransformation) -> TrainState:
    """The same weights with a fresh optimiser and average: the losses of the next phase have other gradients."""
    return new_state(state.params, optimiser).replace(step=state.step)
