"""Measures of sampled motion: correlation within clips, amounts in their units, and a Frechet distance that is one."""

import numpy as np
import pytest

from vasa_jax.evaluation.motion_measures import PIECE, LinearReading, MotionSpace, amounts, correlation, frechet, pieces
from vasa_jax.motion import Statistics

RANDOM = np.random.default_rng(0)


def test_correlation_looks_at_the_clip_and_not_beyond():
    truth = np.array([[0.0, 1, 2, 3, 9, 9]])
    made = np.array([[0.0, 2, 4, 6, -50, 3]])
    assert correlation(made, truth, np.array([4])) == pytest.approx(1)
    assert correlation(-made, truth, np.array([4])) == pytest.approx(-1)
    assert correlation(0 * made, truth, np.array([4])) == 0


def test_lips_are_read_linearly():
    lips = LinearReading.of({"lips": {"weights": [1.0, -2.0], "bias": 0.5}}, "lips")
    np.testing.assert_allclose(lips(np.array([[3.0, 1.0]], np.float32)), [1.5])


def test_amounts_have_their_units():
    """Yaw that turns one degree a frame where its deviation is half a radian, and z_dyn of which half moves."""
    motion = np.zeros((1, 40, 11), np.float32)
    motion[0, :, 0] = np.deg2rad(np.arange(40)) / 0.5
    motion[0, :, 7:9] = np.where(np.arange(40) % 2, 3.0, -3.0)[:, None]
    statistics = Statistics(np.ones(11, np.float32), np.full(11, 0.5, np.float32))
    found = amounts(motion, np.array([30]), statistics)
    assert found["pose_change"] == pytest.approx(1 / 3, rel=1e-3)  # the mean over yaw, pitch, roll
    assert found["dynamics_spread"] == pytest.approx(1.5, rel=1e-3)
    motion[0, 30:] = 99.0
    assert amounts(motion, np.array([30]), statistics) == found


def test_frechet_of_gaussians_that_are_known():
    """In one dimension (m - m')^2 + (s - s')^2; for covariances that commute the same along each axis."""
    assert frechet(np.array([1.0]), np.array([[4.0]]), np.array([3.0]), np.array([[9.0]])) == pytest.approx(5.0)
    turn, _ = np.linalg.qr(RANDOM.normal(size=(3, 3)))
    first, second = np.array([1.0, 4.0, 9.0]), np.array([4.0, 1.0, 0.0])
    covariances = [(turn * values) @ turn.T for values in (first, second)]
    expected = ((np.sqrt(first) - np.sqrt(second)) ** 2).sum()
    found = frechet(np.zeros(3), covariances[0], np.zeros(3), covariances[1])
    assert found == pytest.approx(expected, abs=1e-6)
    assert frechet(np.zeros(3), covariances[1], np.zeros(3), covariances[0]) == pytest.approx(expected, abs=1e-6)


def test_pieces_stay_within_what_counts():
    motion = np.arange(2 * 30.0).reshape(2, 30, 1)
    found = pieces(motion, np.array([30, 12]))
    assert found.shape == (5 + 1, PIECE, 1)
    np.testing.assert_array_equal(found[1, :, 0], np.arange(5.0, 15))
    assert found[-1].max() == 30 + PIECE - 1


def walks(count, speed=1.0, seed=0):
    """Smooth random motions."""
    steps = np.random.default_rng(seed).normal(size=(count, 50, 6))
    return (speed * 0.2 * np.cumsum(steps, 1)).astype(np.float32)


def test_other_data_of_the_same_kind_are_nearer_than_slower_or_shaken_ones():
    length = np.full(60, 50)
    space = MotionSpace(walks(60), length)
    assert space.distance(walks(60), length) == pytest.approx(0, abs=1e-6)
    same = space.distance(walks(60, seed=1), length)
    assert 0 < same < 0.5 * space.distance(walks(60, speed=0.5, seed=1), length)
    shaken = walks(60, seed=1) + 0.3 * np.random.default_rng(2).normal(size=(60, 50, 6)).astype(np.float32)
    assert same < 0.5 * space.distance(shaken, length)
