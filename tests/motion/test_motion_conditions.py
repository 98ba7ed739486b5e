"""Dropping conditions: at the stated rates, each for itself, and never bringing one back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.motion.conditions import NAMES, drop, null_conditions, without

MANY = 4000


@pytest.fixture(scope="module")
def dropped():
    full = null_conditions(MANY, 6, 2, 5, 7)
    full = full.replace(**{f"has_{name}": jnp.ones(MANY, bool) for name in NAMES})
    return jax.jit(drop)(jax.random.key(0), full)


@pytest.mark.parametrize(("name", "rate"), [(name, 0.5 if name == "previous" else 0.1) for name in NAMES])
def test_each_condition_is_dropped_at_its_rate(dropped, name, rate):
    assert 1 - getattr(dropped, f"has_{name}").mean() == pytest.approx(rate, abs=0.025)


def test_conditions_are_dropped_independently(dropped):
    flags = np.stack([getattr(dropped, f"has_{name}") for name in NAMES]).astype(float)
    assert np.abs(np.corrcoef(flags) - np.eye(len(NAMES))).max() < 0.06


def test_the_tail_of_the_audio_is_cut_at_times(dropped):
    lengths = np.asarray(dropped.audio_length)
    assert (lengths < 6).mean() == pytest.approx(0.1, abs=0.025)
    assert set(lengths) == {1, 2, 3, 4, 5, 6}


def test_x_pre_and_a_pre_are_dropped_together_and_others_alone(model, variables, conditions, noised):
    """There is one flag for both; without it neither counts, and all other conditions still do."""
    run = jax.jit(lambda c: model.apply(variables, noised, jnp.array([3, 900]), c))
    dropped = drop(jax.random.key(0), conditions, rate=0.0, previous_rate=1.0, truncate_rate=0.0)
    assert not dropped.has_previous.any() and dropped.has_audio.all() and dropped.has_gaze.all()
    before = run(dropped)
    for name in ("previous_motion", "previous_audio"):
        other = dropped.replace(**{name: getattr(dropped, name) + 1.0})
        np.testing.assert_array_equal(run(other), before)
    for name in ("audio", "gaze", "distance", "emotion"):
        other = dropped.replace(**{name: getattr(dropped, name) + 1.0})
        assert np.abs(run(other) - before).max() > 1e-4


def test_a_cut_tail_is_the_learned_null_of_absent_audio(model, variables, conditions, noised):
    """Each null is a parameter of its own: changing that of the audio changes cut frames, and nothing where all is
    heard."""
    changed = jax.tree.map(lambda x: x, variables)
    changed["params"]["audio_or"] = {"null": -variables["params"]["audio_or"]["null"]}
    cut = conditions.replace(audio_length=jnp.array([6, 3]))
    run = jax.jit(lambda v: model.apply(v, noised, jnp.array([3, 900]), cut))
    before, after = run(variables), run(changed)
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[1] - after[1]).max() > 1e-4
    nulls = [name for name in variables["params"] if name.endswith("_or")]
    assert sorted(nulls) == sorted(
        ["previous_audio_or", "audio_or", "gaze_or", "distance_or", "emotion_or", "previous_motion_or"]
    )


def test_what_is_absent_stays_absent():
    absent = null_conditions(8, 6, 2, 5, 7).replace(audio_length=jnp.full(8, 2))
    after = drop(jax.random.key(0), absent, rate=0.0, previous_rate=0.0, truncate_rate=1.0)
    assert not any(getattr(after, f"has_{name}").any() for name in NAMES)
    assert (after.audio_length <= 2).all()


def test_without_takes_one_condition_away(conditions):
    less = without(conditions, "gaze")
    assert not less.has_gaze.any()
    assert all(getattr(less, f"has_{name}").all() for name in NAMES if name != "gaze")


def test_without_an_unknown_condition_says_which_there_are(conditions):
    with pytest.raises(ValueError, match="previous, audio, gaze"):
        without(conditions, "glance")
