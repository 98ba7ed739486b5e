"""Weights that a training begins with instead of random ones: another run's, or released ones."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from vasa_jax.errors import UserError
from vasa_jax.training.state import TrainState


def carried(state: TrainState, given: Mapping[str, Any], places: TrainState) -> TrainState:
    """The state with `given` for its parameters and their average; parameters that are not in it stay as they are.

    Raises:
      UserError: a name or a shape does not belong to the network.
    """
    here, new = flatten_dict(state.params, sep="/"), flatten_dict(given, sep="/")
    for name, value in new.items():
        if name not in here or here[name].shape != np.shape(value):
            raise UserError(f"config.init_from holds weights of another network: {name} {np.shape(value)}")
    params = unflatten_dict({**here, **new}, sep="/")
    placed = jax.tree.map(lambda x, s: jax.device_put(np.asarray(x, np.float32), s), params, places.params)
    return state.replace(params=placed, ema=jax.tree.map(lambda x: x.copy(), placed))
