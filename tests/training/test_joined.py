"""Small arrays as one vector for the optimiser: nothing may change by it but the size of the program."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vasa_jax.training import joined, step
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.state import Learner

RULE = Optimiser(learning_rate=0.1, weight_decay=0.1, clip=1.0)


def tree_of(seed):
    keys = iter(jax.random.split(jax.random.key(seed), 5))
    draw = lambda *shape: jax.random.normal(next(keys), shape)  # noqa: E731
    return {"a": {"kernel": draw(128, 160), "bias": draw(7)}, "b": [draw(3, 2), draw()], "c": draw(200, 100)}


def test_joined_and_split_is_what_it_was():
    tree = tree_of(0)
    found = joined.join(tree)
    assert [x.shape for x in found] == [(128, 160), (200, 100), (7 + 6 + 1,)]
    jax.tree.map(np.testing.assert_array_equal, joined.split(found, tree), tree)


@pytest.mark.parametrize("kept", ["a", "b"])
def test_all_small_or_all_large(kept):
    tree = {"a": jnp.ones((128, 160)), "b": jnp.arange(5.0)}[kept]
    jax.tree.map(np.testing.assert_array_equal, joined.split(joined.join({"x": tree}), {"x": tree}), {"x": tree})


def test_only_parts_built_alike_are_changed():
    tree = {"x": jnp.ones(3), "y": jnp.ones(2)}
    state = (jnp.zeros(()), {"mu": tree, "other": {"x": jnp.ones(3)}})
    found = joined.within(lambda part: "changed", state, tree)
    assert found[1]["mu"] == "changed" and found[1]["other"]["x"].shape == (3,) and found[0].shape == ()


@pytest.mark.slow
def test_the_steps_are_those_of_the_arrays_apart():
    """Three steps of the optimiser and of the average, with gradients above and below the clip."""
    params = ema = tree_of(0)
    opt_state = RULE.transformation().init(params)
    plain, plain_ema, plain_state = params, ema, opt_state
    learner = Learner(params, opt_state)
    for number in range(3):
        gradient = jax.tree.map(lambda x, n=number: x * 10.0 ** (n - 3), tree_of(number + 1))
        learner, norm = step.update(RULE, learner, gradient, jnp.float32(0.1))
        ema = step.average(ema, learner.params, jnp.float32(0.7))
        direction, plain_state = RULE.transformation().update(gradient, plain_state, plain)
        plain = jax.tree.map(lambda p, d: p - 0.1 * d, plain, direction)
        plain_ema = jax.tree.map(lambda e, p: e + 0.3 * (p - e), plain_ema, plain)
        np.testing.assert_allclose(norm, optax.global_norm(gradient), rtol=1e-6)
    found, expected = (learner.params, learner.opt_state, ema), (plain, plain_state, plain_ema)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), found, expected)
