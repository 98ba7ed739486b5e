"""Each probe on codes of which it is known what they hold."""

import numpy as np
import pytest

from vasa_jax.evaluation import probes

PEOPLE, FRAMES, SIZE = 8, 20, 10


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def people():
    return np.repeat(np.arange(PEOPLE), FRAMES)


@pytest.fixture(scope="module")
def noise(rng, people):
    return rng.normal(size=(len(people), SIZE))


@pytest.fixture(scope="module")
def pose(rng, people):
    return rng.normal(size=(len(people), 3)) * 0.3


@pytest.fixture(scope="module")
def turn(rng):
    return np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0]


def with_pose(noise, pose):
    return np.concatenate([noise[:, 3:], pose * 3], 1)


def with_identity(rng, noise, people, size=2.0):
    return noise + size * np.random.default_rng(5).normal(size=(PEOPLE, SIZE))[people]


def test_pose_is_found_where_it_is_and_nowhere_else(noise, pose, people):
    assert probes.linear_probe(with_pose(noise, pose), pose, people) > 0.99
    assert -0.3 < probes.linear_probe(noise, pose, people) < 0.05
    half = with_pose(noise, pose + np.random.default_rng(1).normal(size=pose.shape) * 0.3)
    assert probes.linear_probe(half, pose, people) == pytest.approx(0.5, abs=0.12)


def test_a_probe_is_asked_about_people_whom_it_has_not_seen(people):
    """A code that names the person tells each one's own constant label to a fit that has seen them, and to no other."""
    codes = np.eye(PEOPLE)[people]
    labels = np.random.default_rng(2).normal(size=(PEOPLE, 2))[people]
    assert probes.linear_probe(codes, labels, people) < 0.1
    assert np.isnan(probes.linear_probe(codes, labels, np.zeros_like(people)))


def test_identity_is_found_where_it_is_and_nowhere_else(rng, noise, people):
    assert probes.identity_accuracy(with_identity(rng, noise, people), people) > 0.95
    assert probes.identity_accuracy(noise, people) == pytest.approx(1 / PEOPLE, abs=0.1)
    assert np.isnan(probes.identity_accuracy(noise[::FRAMES], people[::FRAMES]))


def test_identity_is_found_under_larger_variation_of_other_kinds(noise, people):
    """Plain distances would be ruled by the loud directions; the discriminant is not."""
    codes = noise * np.where(np.arange(SIZE) < SIZE - 1, 5.0, 0.15)
    codes[:, -1] += people
    assert probes.identity_accuracy(codes, people) > 0.8


def test_probes_turn_and_scale_with_the_codes(rng, noise, pose, people, turn):
    codes = with_identity(rng, with_pose(noise, pose), people, 0.5)
    first, second = (probes.of_dynamics(x, pose, noise[:, :4], people) for x in (codes, 7 * codes @ turn + 3))
    assert first == pytest.approx(second, rel=1e-6)


def test_what_luck_and_the_labels_tell_stands_beside(noise, pose, people):
    """Where the eyes look against the head, the true expression tells of the pose, and codes may do so too."""
    expression = np.concatenate([-pose[:, :2], noise[:, :2]], 1)
    found = probes.of_dynamics(with_pose(noise, pose), pose, expression, people)
    assert found["pose_r2"] > 0.99 and found["pose_r2_chance"] < 0.05
    assert found["pose_r2_labels"] == pytest.approx(2 / 3, abs=0.05)
    assert found["identity_chance"] == 1 / PEOPLE and found["expression_r2"] > found["expression_r2_chance"] + 0.4


def test_the_area_of_principal_variance_has_its_bounds(turn):
    alike = np.concatenate([np.eye(SIZE), -np.eye(SIZE)])
    one = np.outer(np.arange(9.0), turn[0])
    assert probes.pca_area(alike) == pytest.approx((SIZE + 1) / (2 * SIZE))
    assert probes.pca_area(one) == pytest.approx(1.0)
    assert probes.pca_area(np.ones((4, SIZE))) == 1.0
    assert probes.pca_area(alike[:, :2] * [2.0, 1.0]) == pytest.approx((0.8 + 1.0) / 2)
    assert probes.pca_area(np.eye(SIZE)[:3]) == pytest.approx((0.5 + 1.0 * (SIZE - 1)) / SIZE), "fewer frames than Z"


def test_pose_error_is_in_degrees(pose):
    shifted = pose + np.radians([3.0, 0.0, -6.0])
    assert probes.pose_degrees(shifted, pose) == pytest.approx(3.0)
    assert probes.pose_degrees(shifted, pose, level=True) == pytest.approx(0.0, abs=1e-9)
    shifted[4] = np.nan
    assert probes.pose_degrees(shifted, pose) == pytest.approx(3.0)
    assert np.isnan(probes.pose_degrees(shifted[4:5], pose[4:5]))


def test_r2_looks_at_what_varies():
    label = np.stack([np.arange(8.0), np.zeros(8)], 1)
    assert probes.r2(label + np.array([0.0, 5.0]), label) == pytest.approx(1.0)
    assert probes.r2(np.full((8, 2), 3.5), label) == pytest.approx(0.0, abs=1e-6)
    assert probes.r2(label, np.zeros((8, 2))) == 0.0


def test_drawn_faces_resemble_their_source_or_their_driver():
    portraits = np.eye(3)
    source, owner = np.array([0, 1, 2]), np.array([1, 2, 0])
    kept = probes.cross_identity(portraits[source] + 0.1 * portraits[owner], portraits, source, owner)
    leaked = probes.cross_identity(portraits[owner] + 0.1 * portraits[source], portraits, source, owner)
    assert kept["source"] > 0.99 > 0.2 > kept["owner"] and kept["area"] == 1.0
    assert leaked["owner"] > 0.99 > 0.2 > leaked["source"] and leaked["area"] == 0.5, "the third person is beaten"


def test_a_person_in_the_own_motion_does_not_count():
    portraits, same = np.eye(3), np.array([7, 7, 8])
    drawn, source, owner = portraits, np.array([0, 1, 2]), np.array([1, 0, 0])
    found = probes.cross_identity(drawn, portraits, source, owner, same)
    assert found == {"source": 1.0, "owner": 0.0, "area": 1.0}
    nobody = probes.cross_identity(drawn[:2], portraits, source[:2], owner[:2], same)
    assert np.isnan(list(nobody.values())).all()
