import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from vasa_jax import geometry
from vasa_jax.types import HeadPose


def pose(yaw=0.0, pitch=0.0, roll=0.0, xyz=(0.0, 0.0, 0.0), scale=1.0) -> HeadPose:
    return HeadPose(jnp.array([[yaw, pitch, roll]]), jnp.array([xyz]), jnp.array([[scale]]))


def test_rotations_are_orthogonal_and_proper():
    angles = jax.random.normal(jax.random.key(0), (32, 3))
    r = geometry.rotation_matrix(angles)
    np.testing.assert_allclose(r @ r.swapaxes(-1, -2), np.broadcast_to(np.eye(3), r.shape), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(r), 1, atol=1e-5)


@pytest.mark.parametrize(
    "angles, nose",
    [(dict(yaw=0.3), (1, 0)), (dict(pitch=0.3), (0, -1)), (dict(yaw=-0.3), (-1, 0))],
)
def test_signs_of_angles_are_the_documented_ones(angles, nose):
    tip = geometry.canonical_to_image(jnp.array([[[0.0, 0.0, 1.0]]]), pose(**angles))[0, 0]
    np.testing.assert_allclose(tip[:2], np.sin(0.3) * np.array(nose), atol=1e-6)


def test_roll_is_counter_clockwise():
    ear = geometry.canonical_to_image(jnp.array([[[1.0, 0.0, 0.0]]]), pose(roll=0.3))[0, 0]
    assert ear[1] > 0.29


def test_image_to_canonical_inverts_canonical_to_image():
    points = jax.random.normal(jax.random.key(1), (1, 4, 5, 3))
    there = geometry.canonical_to_image(points, pose(0.4, -0.2, 0.1, (0.1, -0.3, 0.0), 1.3))
    back = geometry.image_to_canonical(there, pose(0.4, -0.2, 0.1, (0.1, -0.3, 0.0), 1.3))
    np.testing.assert_allclose(back, points, atol=1e-5)


@pytest.mark.parametrize("size", [(4, 6, 8), (1, 5, 5), (3, 1, 2)])
def test_sampling_on_the_grid_returns_the_volume(size):
    volume = jax.random.normal(jax.random.key(2), (2, *size, 3))
    grid = jnp.broadcast_to(geometry.volume_grid(*size), (2, *size, 3))
    np.testing.assert_allclose(geometry.sample_volume(volume, grid), volume, atol=1e-5)


def test_sampling_reproduces_a_linear_field_and_clamps_outside():
    grid = jnp.asarray(geometry.volume_grid(6, 6, 6))[None]
    points = jax.random.uniform(jax.random.key(3), (1, 50, 3), minval=-0.8, maxval=0.8)
    np.testing.assert_allclose(geometry.sample_volume(grid, points), points, atol=1e-5)
    outside = geometry.sample_volume(grid, jnp.full((1, 1, 3), 5.0))
    np.testing.assert_allclose(outside[0, 0], 5 / 6, atol=1e-5)


def test_row_zero_is_the_top():
    image = jnp.zeros((1, 8, 8, 1)).at[:, 0].set(1.0)
    assert geometry.sample_image(image, jnp.array([[[0.0, 0.95]]]))[0, 0, 0] == 1
    assert geometry.sample_image(image, jnp.array([[[0.0, -0.95]]]))[0, 0, 0] == 0


def test_sampling_gradients_in_float64():
    with jax.enable_x64(True):
        volume = jax.random.normal(jax.random.key(4), (2, 3, 4, 5, 2), jnp.float64)
        points = jax.random.uniform(jax.random.key(5), (2, 7, 3), jnp.float64, -0.9, 0.9)
        check_grads(jax.jit(geometry.sample_volume), (volume, points), order=1, modes=["rev"], eps=1e-6)
