import jax
import jax.numpy as jnp
import numpy as np
import pytest

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
