import jax
import numpy as np
import pytest

from vasa_jax import pretrained
from vasa_jax.errors import UserError
from vasa_jax.room_weights import load_room
from vasa_jax.training import mesh, start
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.state import create, first_state


@pytest.fixture
def state(toy):
    first = first_state(toy.init, Optimiser(learning_rate=1e-3).transformation())
    return create(first, mesh.make_mesh(1, jax.devices()[:1]), jax.random.key(0))


def test_given_weights_take_the_place_of_the_first_ones(state):
    now, places = state
    given = {"draw": jax.tree.map(lambda x: np.asarray(x) + 1, now.params["draw"])}
    carried = start.carried(now, given, places)
    jax.tree.map(np.testing.assert_array_equal, carried.params["draw"], given["draw"])
    jax.tree.map(np.testing.assert_array_equal, carried.ema["draw"], given["draw"])
    jax.tree.map(np.testing.assert_array_equal, carried.params["look"], now.params["look"])
    assert carried.params["draw"]["kernel"] is not carried.ema["draw"]["kernel"], "the step gives both memories away"


@pytest.mark.parametrize("wrong", [{"draw": {"kernel": np.zeros((1, 2))}}, {"sleep": np.zeros(3)}])
def test_weights_of_another_network_are_refused(state, wrong):
    with pytest.raises(UserError, match=r"weights of another network: (draw/kernel|sleep)"):
        start.carried(state[0], wrong, state[1])


def test_released_weights_serve_as_those_of_a_run():
    config, params = load_room(pretrained.path(), "speech")
    assert config["room"] == "speech" and config["model"]["kind"] == "streaming"
    assert {x.dtype for x in jax.tree.leaves(params)} == {np.dtype(np.float32)}
    with pytest.raises(UserError, match="no trained weights"):
        load_room(pretrained.path(), "garden")
