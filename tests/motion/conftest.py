"""A motion transformer small enough for every test, weights that make each input count, and conditions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.motion import build_motion
from vasa_jax.motion.conditions import null_conditions

SIZES = {"motion_size": 5, "feature_size": 7, "window": 6, "history": 2}


@pytest.fixture(scope="session")
def model():
    return build_motion({**SIZES, "width": 32, "layers": 1, "heads": 2, "feedforward": 48})


@pytest.fixture(scope="session")
def nulls():
    """Conditions of two examples, all absent."""
    return null_conditions(2, SIZES["window"], SIZES["history"], SIZES["motion_size"], SIZES["feature_size"])


@pytest.fixture(scope="session")
def conditions(nulls):
    """Conditions of two examples, all present and random."""
    random = np.random.default_rng(7)

    def draw(leaf):
        if leaf.dtype == bool:
            return jnp.ones_like(leaf)
        return jnp.asarray(random.normal(size=leaf.shape), leaf.dtype) if leaf.dtype == jnp.float32 else leaf

    return jax.tree.map(draw, nulls)


@pytest.fixture(scope="session")
def noised():
    return jax.random.normal(jax.random.key(8), (2, SIZES["window"], SIZES["motion_size"]))


@pytest.fixture(scope="session")
def untrained(model, conditions, noised):
    """Output and weights at the start of training."""
    return jax.jit(model.init_with_output)(jax.random.key(0), noised, jnp.zeros(2, jnp.int32), conditions)


@pytest.fixture(scope="session")
def variables(untrained):
    """Weights of which none is zero, unlike those that training starts from."""
    random = np.random.default_rng(1)
    return jax.tree.map(lambda x: jnp.asarray(x + random.normal(0, 0.2, x.shape), jnp.float32), untrained[1])
