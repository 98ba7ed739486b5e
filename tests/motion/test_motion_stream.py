from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.motion import GUIDANCE, Sampling, Wishes, initial_state, make_sampler, make_stream_sampler
from vasa_jax.motion.continuity import noise_from

WINDOW, HISTORY, MOTION, FEATURE = 6, 2, 5, 7
KEY = jax.random.key(4)
WISHES = Wishes(jnp.full((2, 2), 0.1), jnp.full((2, 1), 1.1), jnp.zeros((2, 6)))


def flow(model, variables, features, hop, steps=3):
    """The motion of features (2, T, F) that come `hop` at a time."""
    sample = partial(make_stream_sampler(model, sampling=Sampling(steps), hop=hop), variables)
    state, parts = initial_state(model, 2, FEATURE), []
    for start in range(0, features.shape[1], hop):
        motion, state = sample(features[:, start : start + hop], WISHES, KEY, GUIDANCE, state)
        parts.append(motion)
    assert state.frame == features.shape[1]
    return jnp.concatenate(parts, 1), state


@pytest.fixture(scope="module")
def features():
    return jax.random.normal(jax.random.key(9), (2, 3 * WINDOW, FEATURE))


def test_whole_windows_move_as_the_clip_does(model, variables, features):
    sample = make_sampler(model, sampling=Sampling(3), windows=3)
    lengths = np.full(2, 3 * WINDOW, np.int32)
    clip, _ = sample(variables, features, lengths, WISHES.gaze, WISHES.distance, WISHES.emotion, KEY)
    stream, _ = flow(model, variables, features, WINDOW)
    np.testing.assert_allclose(stream, clip, atol=1e-5)


def test_what_is_said_later_changes_nothing_before(model, variables, features):
    first, _ = flow(model, variables, features, 2)
    other, _ = flow(model, variables, features.at[:, 10:].add(1.0), 2)
    np.testing.assert_array_equal(first[:, :10], other[:, :10])
    assert jnp.abs(first - other)[:, 10:].max() > 1e-3


def test_the_last_frames_are_remembered_though_a_hop_is_shorter(model, variables, features):
    motion, state = flow(model, variables, features, 1)
    np.testing.assert_array_equal(state.motion, motion[:, -HISTORY:])
    np.testing.assert_array_equal(state.audio, features[:, -HISTORY:])
    assert state.has_previous.all()


def test_each_frame_has_its_own_noise_whichever_window_it_is_in():
    shape = (2, WINDOW, MOTION)
    whole = jnp.concatenate([noise_from(KEY, jnp.int32(f), shape) for f in (0, WINDOW, 2 * WINDOW)], 1)
    for frame in range(2 * WINDOW + 1):
        np.testing.assert_array_equal(noise_from(KEY, jnp.int32(frame), shape), whole[:, frame : frame + WINDOW])


@pytest.mark.parametrize("hop", [0, WINDOW + 1])
def test_a_hop_is_at_most_a_window(model, hop):
    with pytest.raises(ValueError, match=f"a hop has 1 to 6 frames, not {hop}"):
        make_stream_sampler(model, sampling=Sampling(3), hop=hop)
