import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax import geometry
from vasa_jax.training import augment
from vasa_jax.types import HeadPose

KEY = jax.random.key(3)
POSE = HeadPose.from_vector(jnp.array([[0.4, -0.2, 0.1, 0.1, -0.05, 0.0, 0.9], [-0.3, 0.3, -0.2, 0.0, 0.1, 0.0, 1.2]]))
MOVE = augment.random_similarity(KEY, 2, 1.0)


def test_the_moved_pose_shows_the_head_where_the_moved_image_has_it():
    points = jax.random.normal(KEY, (2, 20, 3))
    seen = geometry.canonical_to_image(points, POSE)[..., :2]
    c, s = jnp.cos(MOVE.angle), jnp.sin(MOVE.angle)
    turn = jnp.stack([jnp.stack([c, -s], -1), jnp.stack([s, c], -1)], -2) * MOVE.scale[:, None, None]
    moved = jnp.einsum("bij,bnj->bni", turn, seen) + MOVE.shift[:, None]
    again = geometry.canonical_to_image(points, MOVE.pose(POSE))[..., :2]
    np.testing.assert_allclose(again, moved, atol=1e-5)


def test_undoing_gives_the_first_pose():
    np.testing.assert_allclose(MOVE.undo_pose(MOVE.pose(POSE)).vector, POSE.vector, atol=1e-6)


def test_the_image_moves_like_its_points():
    """A blob drawn at a point must be found where the similarity sends the point."""
    size, point = 64, jnp.array([[0.3, 0.2], [-0.2, 0.4]])
    grid = jnp.asarray(geometry.volume_grid(1, size, size)[0, ..., :2])

    def blob(at):
        return jnp.exp(-jnp.sum((grid - at[:, None, None]) ** 2, -1) / 0.005)[..., None]

    c, s = jnp.cos(MOVE.angle), jnp.sin(MOVE.angle)
    turned = jnp.stack([c * point[:, 0] - s * point[:, 1], s * point[:, 0] + c * point[:, 1]], -1)
    expected = turned * MOVE.scale[:, None] + MOVE.shift
    image = jax.jit(augment.Similarity.image)(MOVE, blob(point))[..., 0]
    found = jnp.einsum("bhw,hwc->bc", image, grid) / image.sum((1, 2))[:, None]
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_no_strength_changes_nothing():
    image = jax.random.uniform(KEY, (2, 16, 16, 3), minval=-0.99)
    still = augment.random_similarity(KEY, 2, 0.0)
    np.testing.assert_allclose(jax.jit(augment.Similarity.image)(still, image), image, atol=1e-5)
    np.testing.assert_allclose(augment.jitter_colour(KEY, image, 0.0), image, atol=1e-5)
    np.testing.assert_array_equal(augment.jitter_pose(KEY, POSE, 0.0).vector, POSE.vector)
    np.testing.assert_array_equal(augment.drop_latent(KEY, image[:, 0, :, 0], 0.0), image[:, 0, :, 0])


def test_colours_change_and_stay_in_range():
    image = jax.random.uniform(KEY, (8, 16, 16, 3), minval=-1)
    jittered = augment.jitter_colour(KEY, image)
    assert jnp.abs(jittered).max() <= 1
    change = jnp.abs(jittered - image).mean((1, 2, 3))
    assert (change > 0.02).all() and change.std() > 0


def test_latents_are_dropped_at_the_rate():
    dropped = augment.drop_latent(KEY, jnp.ones((100, 100)), 0.1)
    assert set(np.unique(dropped)) == {0, 1}
    assert 1 - dropped.mean() == pytest.approx(0.1, abs=0.02)


def test_choice_is_made_for_each_example():
    first, second = {"a": jnp.ones((3, 2))}, {"a": jnp.zeros((3, 2))}
    chosen = augment.choose(jnp.array([True, False, True]), first, second)
    np.testing.assert_array_equal(chosen["a"], [[1, 1], [0, 0], [1, 1]])
