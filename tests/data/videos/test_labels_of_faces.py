"""Pose, landmarks, gaze and openness: against exact geometry, and on pictures of two rendered heads."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from vasa_jax import geometry
from vasa_jax.data.videos import labels
from vasa_jax.data.videos.labels import fit, tables
from vasa_jax.data.videos.labels.landmarks import LID_POINTS, MESH
from vasa_jax.judges import LandmarkJudge, readings
from vasa_jax.types import HeadPose

HEADS = Path(__file__).parents[2] / "judges" / "heads.jpg"
SHUT, OPEN, BLINK, TURNED = range(4)
# iBUG's points in the order in which a mirror shows them.
MIRRORED = [
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36,
    41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
]  # fmt: skip


@pytest.fixture(scope="module")
def heads() -> np.ndarray:
    """(8, 128, 128, 3) uint8: two people in four states each."""
    strip = np.asarray(Image.open(HEADS).convert("RGB"))
    return strip.reshape(128, 2, 4, 128, 3).transpose(1, 2, 0, 3, 4).reshape(8, 128, 128, 3)


@pytest.fixture(scope="module")
def judge(assets):
    pytest.importorskip("ai_edge_litert")
    return LandmarkJudge(assets / "mediapipe")


@pytest.fixture(scope="module")
def track(judge, heads):
    return judge.track(heads)


@pytest.fixture(scope="module")
def mirrored(judge, heads):
    return judge.track(heads[:, :, ::-1])


def posed(pose: np.ndarray) -> np.ndarray:
    """(T, 468, 3) a mesh whose rigid points are the canonical face in these poses; all else is zero."""
    shape = jnp.broadcast_to(jnp.asarray(tables.canonical_face()), (len(pose), 36, 3))
    points = np.zeros((len(pose), 468, 3), np.float32)
    points[:, list(readings.RIGID_POINTS)] = geometry.canonical_to_image(shape, HeadPose.from_vector(jnp.asarray(pose)))
    return points


def poses(count: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    pose = generator.uniform(-1, 1, (count, 7)) * (0.8, 0.4, 0.3, 0.2, 0.2, 0, 0.3) + (0, 0, 0, 0, 0, 0, 1)
    return pose.astype(np.float32)


def test_the_pose_of_the_canonical_face_comes_back():
    pose = poses(20)
    found = labels.pose_of_landmarks(posed(pose))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, pose, atol=1e-4)
    np.testing.assert_allclose(labels.head_distance(found), 1 / pose[:, 6], rtol=1e-3)


def test_depth_and_expression_do_not_enter_the_pose():
    """The network's zero of depth is its own, and the lips are no part of the skull."""
    pose = poses(3)
    points = posed(pose)
    points[:, :, 2] += 0.7
    points[:, [13, 14, 61, 291, 17]] += 5.0
    np.testing.assert_allclose(labels.pose_of_landmarks(points), pose, atol=1e-4)


def test_without_a_face_labels_are_absent_and_never_zero():
    points, lids = posed(poses(3)), np.ones((3, 2, 16, 2), np.float32) * np.arange(16)[:, None]
    points[1], lids[1] = np.nan, np.nan
    found = (
        labels.pose_of_landmarks(points),
        labels.lip_opening(points)[:, None],
        labels.eye_openness(lids)[:, None],
        labels.ibug_landmarks(points, lids).reshape(3, -1),
    )
    for label in found:
        assert np.isnan(label[1]).all() and label.dtype == np.float32
    assert np.isfinite(found[0][[0, 2]]).all() and np.isnan(labels.pose_of_landmarks(points[1:2])).all()


def test_the_mean_face_is_found_whatever_the_depth_of_each_frame():
    pose, people = poses(60, seed=3), np.arange(60) // 6
    points = posed(pose)[:, list(readings.RIGID_POINTS)].astype(np.float64)
    points[:, :, 2] += np.random.default_rng(4).normal(size=(60, 1))
    np.testing.assert_allclose(fit.mean_face(points, pose, people), tables.canonical_face(), atol=2e-3)


def test_the_canonical_face_is_symmetric_and_looks_at_the_camera():
    shape = tables.canonical_face()
    face = dict(zip(readings.RIGID_POINTS, shape - shape.mean(0) * (1, 0, 0), strict=True))
    assert abs(shape[:, 0].mean()) < 0.02
    for left, right in ((33, 263), (127, 356), (98, 327), (234, 454)):
        np.testing.assert_allclose(face[left] * (-1, 1, 1), face[right], atol=0.02)
    assert face[4][2] > face[6][2] > face[127][2] and face[10][1] > face[4][1]


def test_turned_heads_read_turned(track, mirrored):
    pose, other = labels.pose_of_landmarks(track.points), labels.pose_of_landmarks(mirrored.points)
    for person in (0, 4):
        assert pose[person : person + 4, 0].argmax() == TURNED
    np.testing.assert_allclose(other[:, [0, 2, 3]], -pose[:, [0, 2, 3]], atol=0.08)
    np.testing.assert_allclose(other[:, [1, 4, 6]], pose[:, [1, 4, 6]], atol=0.08)


def test_landmarks_are_those_of_a_mirrored_face_in_the_mirror(track, mirrored):
    """It would show a left and a right point that do not belong together."""
    here = labels.ibug_landmarks(track.points, track.lids)
    there = labels.ibug_landmarks(mirrored.points, mirrored.lids)[:, MIRRORED] * (-1, 1)
    assert here.shape == (8, 68, 2) and len(set(MESH)) == 68
    assert np.abs(here - there).mean() < 0.02 and np.abs(here - there).mean((0, 2)).max() < 0.05


def test_eyes_stand_as_ibug_has_them(track):
    landmarks = labels.ibug_landmarks(track.points, track.lids)
    for first in (36, 42):
        x, y = landmarks[OPEN, first : first + 6].T
        assert x[0] < x[1] < x[2] < x[3] and x[5] < x[4]
        assert min(y[1], y[2]) > max(y[4], y[5])
    assert all(len(set(points)) == 6 for points in LID_POINTS)


def test_openness_follows_lips_and_lids(track):
    lips, eyes = labels.lip_opening(track.points), labels.eye_openness(track.lids)
    np.testing.assert_array_equal(eyes, readings.eye_openness(track).astype(np.float32))
    for person in (0, 4):
        assert lips[person + SHUT] < 0.05 < lips[person + OPEN]
        assert eyes[person + BLINK] < 0.8 * eyes[person + SHUT]
    np.testing.assert_allclose(labels.lip_opening(track.points * 0.3), lips, rtol=1e-4)


def test_gaze_has_opposite_yaw_in_a_mirror_and_knows_no_batches(track, heads):
    read = labels.GazeReader()
    landmarks = labels.ibug_landmarks(track.points, track.lids)
    found = read(heads, landmarks)
    flipped = read(heads[:, :, ::-1], landmarks[:, MIRRORED] * np.array([-1, 1], np.float32))
    np.testing.assert_allclose(flipped * (-1, 1), found, atol=2e-3)
    landmarks[3] = np.nan
    many = read(np.concatenate([heads] * 3), np.concatenate([landmarks] * 3))
    assert np.isnan(many[[3, 11, 19]]).all()
    np.testing.assert_allclose(many[-8:][[0, 1, 2, 4, 5, 6, 7]], found[[0, 1, 2, 4, 5, 6, 7]], atol=1e-5)
