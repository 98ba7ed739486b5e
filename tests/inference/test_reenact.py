"""Motion of one person on another: what must stay stays, what must come over comes over, exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.geometry import canonical_to_image, rotation_angles, rotation_matrix
from vasa_jax.inference.reenact import combine, edit, retarget
from vasa_jax.types import HeadPose, Motion


def random_motion(seed, frames):
    rng = np.random.default_rng(seed)
    numbers = [rng.uniform(-0.5, 0.5, (frames, 3)) for _ in range(2)]
    arrays = (*numbers, rng.uniform(0.8, 1.3, (frames, 1)), rng.normal(size=(frames, 5)))
    rotation, translation, scale, dynamics = (jnp.asarray(array, jnp.float32) for array in arrays)
    return Motion(HeadPose(rotation, translation, scale), dynamics)


OWN, CLIP, FIRST = random_motion(0, 1), random_motion(1, 6), random_motion(2, 1)


def assert_same(left, right):
    np.testing.assert_allclose(left.vector, right.vector, atol=2e-6)


def still(motion, frames):
    """The one motion, held for some frames."""
    return jax.tree.map(lambda leaf: jnp.repeat(leaf, frames, 0), motion)


def test_angles_are_those_of_the_matrix():
    angles = jnp.asarray(np.random.default_rng(0).uniform(-1.5, 1.5, (100, 3)), jnp.float32)
    np.testing.assert_allclose(rotation_angles(rotation_matrix(angles)), angles, atol=1e-5)


def test_a_clip_on_its_own_reference_is_itself():
    assert_same(retarget(OWN, CLIP, OWN), CLIP)


def test_a_driver_at_rest_leaves_the_portraits_pose():
    moved = retarget(OWN, still(FIRST, 4), FIRST)
    np.testing.assert_allclose(moved.pose.vector, still(OWN, 4).pose.vector, atol=2e-6)
    np.testing.assert_array_equal(moved.dynamics, still(FIRST, 4).dynamics)


def test_relative_pose_moves_points_as_the_formula_says():
    """Turned about the portrait's place by R_i R_0^T, in sizes of its own head."""
    moved = retarget(OWN, CLIP, FIRST)
    points = jnp.asarray(np.random.default_rng(3).uniform(-1, 1, (1, 7, 3)), jnp.float32)
    place = OWN.pose.translation[:, None]
    turn = rotation_matrix(CLIP.pose.rotation) @ rotation_matrix(FIRST.pose.rotation)[0].T
    shown = np.asarray(canonical_to_image(points, OWN.pose) - place)
    shown = np.einsum("tij,nj->tni", turn, shown[0]) * (CLIP.pose.scale / FIRST.pose.scale)[:, None]
    way = (CLIP.pose.translation - FIRST.pose.translation) * OWN.pose.scale / FIRST.pose.scale
    expected = shown + place + way[:, None]
    found = canonical_to_image(jnp.repeat(points, 6, 0), moved.pose)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("pose_frames", "dynamics_frames"), [(6, 6), (4, 6), (6, 3)])
def test_combine_takes_exactly_the_parts(pose_frames, dynamics_frames):
    pose, dynamics = random_motion(4, pose_frames), random_motion(5, dynamics_frames)
    both, shorter = combine(pose, dynamics), min(pose_frames, dynamics_frames)
    np.testing.assert_array_equal(both.pose.vector, pose.pose.vector[:shorter])
    np.testing.assert_array_equal(both.dynamics, dynamics.dynamics[:shorter])


def test_an_edit_of_nothing_is_the_portrait_itself():
    assert_same(edit(OWN, jnp.zeros(3)), OWN)


def test_a_turn_is_seen_from_the_camera_and_keeps_the_place():
    turn = jnp.array([0.4, -0.2, 0.1])
    edited = edit(OWN, turn)
    expected = rotation_matrix(turn) @ rotation_matrix(OWN.pose.rotation)
    np.testing.assert_allclose(rotation_matrix(edited.pose.rotation), expected, atol=1e-6)
    np.testing.assert_array_equal(edited.pose.translation, OWN.pose.translation)
    np.testing.assert_array_equal(edited.pose.scale, OWN.pose.scale)
    np.testing.assert_array_equal(edited.dynamics, OWN.dynamics)


def test_the_expression_is_the_others_and_the_pose_is_not():
    edited = edit(OWN, jnp.zeros(3), FIRST)
    np.testing.assert_array_equal(edited.dynamics, FIRST.dynamics)
    np.testing.assert_allclose(edited.pose.vector, OWN.pose.vector, atol=2e-6)
