"""The landmark judge on pictures of two rendered heads: lips shut, lips open, eyes shut, head turned."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.judges import LandmarkJudge, align, detector, load_identity, readings
from vasa_jax.judges.alignment import MESH_POINTS

SHUT, OPEN, BLINK, TURNED = range(4)


@pytest.fixture(scope="module")
def judge(assets):
    pytest.importorskip("ai_edge_litert")
    return LandmarkJudge(assets / "mediapipe")


@pytest.fixture(scope="module")
def heads() -> np.ndarray:
    """(2, 4, 128, 128, 3) uint8: two people in four states."""
    strip = np.asarray(Image.open(Path(__file__).with_name("heads.jpg")).convert("RGB"))
    return strip.reshape(128, 2, 4, 128, 3).transpose(1, 2, 0, 3, 4)


@pytest.fixture(scope="module")
def tracks(judge, heads):
    return [judge.track(person) for person in heads]


def test_readings_follow_the_face(tracks):
    for track in tracks:
        assert track.points.shape == (4, 468, 3) and track.score.min() > 0.9
        lips, eyes = readings.lip_opening(track), readings.eye_openness(track)
        yaw = readings.head_angles(track)[:, 0]
        assert lips[SHUT] < 0.03 < lips[OPEN]
        assert eyes[BLINK] < 0.8 * eyes[SHUT]
        assert yaw.argmax() == TURNED


def test_turning_and_lifting_have_the_signs_of_head_pose(judge, heads):
    turned = readings.head_angles(judge.track(np.stack([heads[0, TURNED], heads[0, TURNED][:, ::-1]])))
    assert turned[0, 0] > turned[1, 0] + 0.1
    rolled = np.asarray(
        Image.fromarray(heads[0, OPEN]).rotate(15, Image.Resampling.BICUBIC, fillcolor=(90, 90, 90))
    )
    angles = readings.head_angles(judge.track(np.stack([heads[0, OPEN], rolled])))
    assert np.degrees(angles[1, 2] - angles[0, 2]) == pytest.approx(15, abs=3)


def test_a_frame_without_a_face_reads_nan_and_the_face_is_found_again(judge, heads):
    blank = np.full_like(heads[0, 0], 128)
    track = judge.track(np.stack([heads[0, OPEN], blank, heads[0, OPEN]]))
    lips = readings.lip_opening(track)
    assert np.isnan(lips[1]) and np.isfinite(lips[[0, 2]]).all()
    assert np.isnan(readings.head_angles(track)[1]).all()


def test_identity_tells_the_two_people_apart(assets, heads, tracks):
    network = load_identity(assets / "face_identity")
    points = np.concatenate([track.points[:, list(MESH_POINTS), :2] for track in tracks])
    images = heads.reshape(8, 128, 128, 3).astype(np.float32) / 127.5 - 1
    found = np.asarray(network(align(jnp.asarray(images), jnp.asarray(points))))
    distances = np.linalg.norm(found[:, None] - found, axis=-1)
    same = np.arange(8)[:, None] // 4 == np.arange(8) // 4
    assert distances[same].max() < distances[~same].min()


def test_a_missing_graph_is_named(tmp_path):
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(UserError, match=r"face_detection_short_range\.tflite"):
        LandmarkJudge(tmp_path)


def test_crop_is_the_part_of_the_frame_it_names():
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[10:20, 30:40] = 255
    crop = detector.Crop(np.array([35.0, 15.0]), 10.0, 0.0)
    assert crop.cut(frame, 10).min() == 255
    np.testing.assert_allclose(crop.to_frame(np.array([[0.0, 0.0], [1.0, 1.0]])), [[30, 10], [40, 20]])
    assert detector.whole(frame, 0.5).cut(frame, 30).shape == (30, 30, 3)
