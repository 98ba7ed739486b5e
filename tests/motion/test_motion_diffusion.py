"""Schedule, noising, the step back, and the loss."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vasa_jax.motion.diffusion import add_noise, cosine_schedule, ddim_step, loss, motion_errors

SCHEDULE = cosine_schedule()


def test_the_schedule_falls_from_signal_to_noise():
    share = np.asarray(SCHEDULE.alpha_bar)
    assert SCHEDULE.steps == 1000
    assert share[0] > 0.999
    assert 0 <= share[-1] < 1e-3
    assert (np.diff(share) < 0).all()


def test_noise_keeps_the_variance_and_ends_as_noise():
    clean, noise = jax.random.normal(jax.random.key(0), (2, 4, 50, 20))
    noised = add_noise(SCHEDULE, clean, noise, jnp.array([0, 300, 600, 999]))
    np.testing.assert_allclose(noised.std((1, 2)), 1.0, atol=0.06)
    np.testing.assert_allclose(noised[0], clean[0], atol=0.05)
    np.testing.assert_allclose(noised[3], noise[3], atol=1e-5)


def test_a_ddim_step_goes_along_the_noise_that_was_added():
    clean, noise = jax.random.normal(jax.random.key(0), (2, 1, 50, 20))
    step = add_noise(SCHEDULE, clean, noise, jnp.array([700]))
    expected = add_noise(SCHEDULE, clean, noise, jnp.array([400]))
    now, after = SCHEDULE.alpha_bar[700], SCHEDULE.alpha_bar[400]
    np.testing.assert_allclose(ddim_step(step, clean, now, after), expected, atol=1e-5)
    np.testing.assert_array_equal(ddim_step(step, clean, now, jnp.ones(())), clean)


def test_errors_are_weighted_means():
    clean = jnp.zeros((1, 3, 2))
    predicted = jnp.array([[[1.0, 2.0], [1.0, 2.0], [9.0, 9.0]]])
    weights = jnp.array([[1.0, 1.0, 0.0]])
    parts = motion_errors(clean, predicted, weights, jnp.array([1.0, 0.5]))
    assert parts["motion"] == pytest.approx((1 + 0.5 * 4) / 2)
    assert parts["velocity"] == parts["seam"] == 0


def test_the_seam_counts_where_a_window_goes_on():
    clean, predicted = jnp.zeros((3, 4, 2)), jnp.zeros((3, 4, 2)).at[:, 0].set(jnp.array([[1.0], [3.0], [5.0]]))
    frames = jnp.ones((3, 4)).at[2].set(0.0)
    for goes_on, expected in ((None, 0), ([True, False, True], 1), ([True, True, False], (1 + 9) / 2)):
        goes_on = goes_on if goes_on is None else jnp.array(goes_on)
        assert motion_errors(clean, predicted, frames, goes_on=goes_on)["seam"] == pytest.approx(expected)


def test_the_lids_are_what_their_reading_says():
    clean, predicted = jnp.zeros((1, 3, 2)), jnp.array([[[1.0, 2.0], [3.0, 1.0], [9.0, 9.0]]])
    frames, reading = jnp.array([[1.0, 1.0, 0.0]]), jnp.array([1.0, -2.0])
    expected = ((1 - 2 * 2) ** 2 + (3 - 2 * 1) ** 2) / 2
    assert motion_errors(clean, predicted, frames, lids=reading)["lids"] == pytest.approx(expected)
    assert "lids" not in motion_errors(clean, predicted, frames)


def test_the_loss_is_the_weighted_sum_of_its_parts(conditions, noised):
    def wrong(noised_, step, c):
        return 0.5 * noised_

    weights = {"velocity_weight": 3.0, "seam_weight": 5.0, "lids_weight": 7.0}
    value, parts = loss(
        wrong, SCHEDULE, noised, conditions, jax.random.key(0), lids=jnp.ones(noised.shape[-1]), **weights
    )
    expected = parts["motion"] + 3 * parts["velocity"] + 5 * parts["seam"] + 7 * parts["lids"]
    assert value == pytest.approx(float(expected)) and parts["lids"] > 0


def test_the_loss_asks_for_the_clean_motion(conditions, noised):
    def right(noised_, step, c):
        return noised

    value, parts = loss(right, SCHEDULE, noised, conditions, jax.random.key(0), velocity_weight=1.0)
    assert value == 0
    assert set(parts) == {"motion", "velocity", "seam"}


def test_steps_are_uniform(nulls):
    seen = []

    def note(noised_, step, c):
        seen.append(step)
        return noised_

    clean = jnp.zeros((4000, 6, 5))
    many = jax.tree.map(lambda leaf: jnp.repeat(leaf, 2000, axis=0), nulls)
    loss(note, SCHEDULE, clean, many, jax.random.key(0))
    counts, _ = np.histogram(seen[0], bins=10, range=(0, 1000))
    assert counts.sum() == 4000
    assert np.abs(counts / 400 - 1).max() < 0.2


@pytest.mark.slow
def test_training_overfits_two_windows_with_finite_gradients(model, variables, conditions, noised):
    optimiser = optax.adam(3e-3)

    def objective(parameters, key):
        def predict(x, step, c):
            return model.apply({"params": parameters}, x, step, c)

        return loss(predict, SCHEDULE, noised, conditions, key, velocity_weight=0.1)[0]

    @jax.jit
    def train(carry, key):
        parameters, memory = carry
        value, gradients = jax.value_and_grad(objective)(parameters, key)
        updates, memory = optimiser.update(gradients, memory)
        finite = jnp.stack([jnp.isfinite(g).all() for g in jax.tree.leaves(gradients)]).all()
        return (optax.apply_updates(parameters, updates), memory), (value, finite)

    start = (variables["params"], optimiser.init(variables["params"]))
    _, (values, finite) = jax.lax.scan(train, start, jax.random.split(jax.random.key(0), 150))
    assert finite.all()
    assert values[-10:].mean() < 0.1 * values[:5].mean()
