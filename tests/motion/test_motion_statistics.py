"""Standardising motion and back."""

import jax
import numpy as np

from vasa_jax.motion import Statistics


def test_standardised_motion_has_unit_spread_and_is_restored():
    frames = 3 + 2 * jax.random.normal(jax.random.key(0), (500, 4))
    statistics = Statistics.of(frames)
    standard = statistics.standardise(frames)
    np.testing.assert_allclose(standard.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(standard.std(0), 1, atol=1e-4)
    np.testing.assert_allclose(statistics.restore(standard), frames, atol=1e-4)


def test_a_component_at_rest_stays_finite():
    frames = np.ones((10, 2), np.float32)
    assert np.abs(Statistics.of(jax.numpy.asarray(frames)).standardise(frames)).max() == 0
