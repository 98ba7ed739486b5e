from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.motion import GUIDANCE, Begun, Sampling, Wishes, initial_state, make_sampler, make_stream_sampler

WINDOW, MOTION, FEATURE = 6, 5, 7
KEY = jax.random.key(4)
WISHES = Wishes(jnp.full((2, 2), 0.1), jnp.full((2, 1), 1.1), jnp.zeros((2, 6)))


@pytest.fixture(scope="module", params=["ddim", "dpm"])
def sampling(request):
    return Sampling(3, request.param)


@pytest.fixture(scope="module")
def plan(model, variables, sampling):
    """Motion and state of a window (features, frames heard, frames shown, how many, state before)."""
    sample = partial(make_stream_sampler(model, sampling=sampling), variables)

    def one(features, heard=WINDOW, shown=None, count=0, state=None):
        begun = Begun(jnp.zeros((2, WINDOW, MOTION)) if shown is None else shown, np.int32(count))
        state = initial_state(model, 2, FEATURE) if state is None else state
        return sample(features, np.full(2, heard, np.int32), begun, WISHES, KEY, GUIDANCE, state)

    return one


@pytest.fixture(scope="module")
def features():
    return jax.random.normal(jax.random.key(9), (2, 2 * WINDOW, FEATURE))


def test_windows_that_are_heard_to_their_end_are_those_of_the_clip(model, variables, sampling, plan, features):
    sample = make_sampler(model, sampling=sampling, windows=2)
    lengths = np.full(2, 2 * WINDOW, np.int32)
    clip, _ = sample(variables, features, lengths, WISHES.gaze, WISHES.distance, WISHES.emotion, KEY)
    first, state = plan(features[:, :WINDOW])
    second, state = plan(features[:, WINDOW:], state=state)
    np.testing.assert_allclose(jnp.concatenate([first, second], 1), clip, atol=1e-5)
    assert state.frame == 2 * WINDOW


def test_what_is_not_heard_changes_nothing(plan, features):
    first, _ = plan(features[:, :WINDOW], heard=4)
    other, _ = plan(features[:, :WINDOW].at[:, 4:].add(1.0), heard=4)
    np.testing.assert_array_equal(first, other)
    heard, _ = plan(features[:, :WINDOW].at[:, 4:].add(1.0), heard=5)
    assert jnp.abs(first - heard).max() > 1e-3


def test_what_was_shown_stands_and_the_rest_goes_on_from_it(plan, features):
    shown = jax.random.normal(jax.random.key(1), (2, WINDOW, MOTION))
    motion, state = plan(features[:, :WINDOW], shown=shown, count=2)
    np.testing.assert_array_equal(motion[:, :2], shown[:, :2])
    np.testing.assert_array_equal(state.motion, motion[:, -2:])
    assert jnp.abs(motion[:, 2:] - shown[:, 2:]).min() > 0
    same, _ = plan(features[:, :WINDOW], shown=shown.at[:, 2:].set(0), count=2)
    np.testing.assert_array_equal(same, motion)
    other, _ = plan(features[:, :WINDOW], shown=shown.at[:, 1].add(1.0), count=2)
    assert jnp.abs(other - motion)[:, 2:].max() > 1e-3
