"""The transformer: the paper's size, every input used, absent inputs without any influence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.motion import build_motion
from vasa_jax.motion.conditions import NAMES, null_conditions, without

VALUES = {
    "previous": ("previous_motion", "previous_audio"),
    "audio": ("audio",),
    "gaze": ("gaze",),
    "distance": ("distance",),
    "emotion": ("emotion",),
}
STEP = jnp.array([3, 900])


@pytest.fixture(scope="module")
def run(model, variables):
    return jax.jit(lambda noised, step, conditions: model.apply(variables, noised, step, conditions))


def changed(conditions, name):
    """The same conditions with other values of one of them."""
    return conditions.replace(**{field: getattr(conditions, field) + 0.7 for field in VALUES[name]})


def test_paper_size_is_29_million():
    sizes = {
        "motion_size": 135,
        "feature_size": 768,
        "width": 512,
        "layers": 8,
        "heads": 8,
        "feedforward": 2048,
    }
    model = build_motion({**sizes, "dtype": "bfloat16"})
    arguments = (jnp.zeros((1, 50, 135)), jnp.zeros(1, jnp.int32), null_conditions(1, 50, 10, 135, 768))
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), *arguments))
    leaves = jax.tree.leaves(shapes)
    assert sum(leaf.size for leaf in leaves) == pytest.approx(29e6, rel=0.05)
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}


def test_output_is_motion_in_float32_also_when_computing_in_bfloat16(model, variables, noised, conditions):
    exact, coarse = (
        jax.jit(m.apply)(variables, noised, STEP, conditions)
        for m in (model, model.clone(dtype=jnp.bfloat16))
    )
    assert exact.shape == coarse.shape == noised.shape
    assert exact.dtype == coarse.dtype == jnp.float32
    np.testing.assert_allclose(coarse, exact, atol=0.1 * np.abs(exact).max())


def test_the_step_changes_the_output(run, noised, conditions):
    first, second = run(noised, STEP, conditions), run(noised, STEP + 1, conditions)
    assert (np.abs(first - second).max((1, 2)) > 1e-6).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_condition_counts_where_present_and_not_at_all_where_absent(run, noised, conditions, name):
    before, after = run(noised, STEP, conditions), run(noised, STEP, changed(conditions, name))
    assert (np.abs(before - after).max((1, 2)) > 1e-4).all()
    absent = without(conditions, name)
    null = run(noised, STEP, absent)
    assert (np.abs(before - null).max((1, 2)) > 1e-4).all()
    np.testing.assert_array_equal(null, run(noised, STEP, changed(absent, name)))


def test_an_absent_condition_may_even_be_nan(run, noised, conditions):
    absent = without(conditions, "audio")
    broken = absent.replace(audio=jnp.full_like(absent.audio, jnp.nan))
    np.testing.assert_array_equal(run(noised, STEP, absent), run(noised, STEP, broken))


def test_audio_beyond_its_length_is_not_heard(run, noised, conditions):
    short = conditions.replace(audio_length=jnp.array([4, 6]))
    other = short.replace(audio=short.audio.at[:, 4:].add(1.0))
    before, after = run(noised, STEP, short), run(noised, STEP, other)
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[1] - after[1]).max() > 1e-4


def test_no_length_is_the_same_as_no_audio(run, noised, conditions):
    silent = conditions.replace(audio_length=jnp.zeros(2, jnp.int32))
    np.testing.assert_array_equal(run(noised, STEP, silent), run(noised, STEP, without(conditions, "audio")))


def test_frames_of_audio_are_told_apart(run, noised, conditions):
    swapped = conditions.replace(audio=conditions.audio[:, ::-1])
    assert np.abs(run(noised, STEP, conditions) - run(noised, STEP, swapped)).max() > 1e-3


def test_training_starts_from_the_mean_motion(untrained, noised):
    np.testing.assert_array_equal(untrained[0], jnp.zeros_like(noised))


def test_another_window_is_refused(model, variables, noised, conditions):
    with pytest.raises(ValueError, match="frames of motion"):
        model.apply(variables, noised[:, :-1], STEP, conditions)


@pytest.mark.slow
def test_a_student_begins_as_its_teacher(model, variables, noised, conditions):
    student = model.clone(told=("audio", "gaze"))
    scales = jnp.array([[0.5, 1.0], [2.0, 0.0]])
    fresh = jax.jit(student.init)(jax.random.key(0), noised, STEP, conditions, scales=scales)["params"]
    params = {**fresh, **variables["params"]}
    assert set(fresh) - set(variables["params"]) == {"told_first", "told_last"}
    run = jax.jit(lambda params, scales: student.apply({"params": params}, noised, STEP, conditions, scales=scales))
    np.testing.assert_allclose(run(params, scales), model.apply(variables, noised, STEP, conditions), atol=1e-5)
    params["told_last"] = {**fresh["told_last"], "kernel": jax.random.normal(jax.random.key(1), (32, 32))}
    one, other = run(params, scales), run(params, scales + 1)
    assert (np.abs(one - other).max((1, 2)) > 1e-4).all(), "its scales count once it has learned"
