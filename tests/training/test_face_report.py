import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from toys import SIZE

from vasa_jax.data import clips, pipeline
from vasa_jax.training import face_report
from vasa_jax.types import HeadPose, Motion

PAIRS = pipeline.FacePairs(3, 1.0)
MONITORS = ("dynamics_pca_area", "dynamics_pose_r2", "dynamics_identity", "swapped_pose_degrees", "pose_degrees")


@struct.dataclass
class MeanColour:
    """Tells faces apart by their colour in the middle of the chip, and needs no weights."""

    size: int = struct.field(pytree_node=False, default=4)

    def chips(self, images, landmarks):
        assert landmarks.shape[1:] == (68, 2)
        return images[:, : self.size, : self.size]

    def __call__(self, chips):
        return chips.reshape(len(chips), -1)


@pytest.fixture(scope="module")
def held_out(clip_set):
    return clips.open_clips(clip_set, "validation")


@pytest.fixture(scope="module")
def report(toy, held_out):
    return face_report.FaceReport(toy.model, held_out, PAIRS, identity=MeanColour())(toy.init(jax.random.key(0)))


def test_the_report_measures_against_copying_the_source(report):
    assert {"psnr", "psnr_mouth", "copy", "pose_degrees", "expression_r2"} <= report.scalars.keys()
    assert np.isfinite(list(report.scalars.values())).all()


def test_the_report_watches_what_the_codes_hold(report):
    assert {*MONITORS, "dynamics_pose_r2_chance", "cross_source", "cross_owner", "cross_area"} <= report.scalars.keys()
    assert 0.5 < report.scalars["dynamics_pca_area"] <= 1 and report.scalars["dynamics_identity_chance"] == 0.5


def test_the_grid_shows_every_column_of_every_pair(report):
    picture = report.pictures["pairs"]
    assert picture.shape == (2 * SIZE, len(face_report.COLUMNS) * SIZE, 3) and picture.dtype == np.uint8
    assert {"canonical", "pose_only", "dynamics_only", "neighbour", "error"} < set(face_report.COLUMNS)


def test_without_an_identity_judge_nothing_is_said_of_resemblance(toy, held_out):
    quiet = face_report.FaceReport(toy.model, held_out, PAIRS)(toy.init(jax.random.key(0)))
    assert not any(name.startswith("cross") for name in quiet.scalars)


class Spy:
    """Draws the pose that it is asked for into the first pixels, and reads it from there."""

    def apply(self, variables, *args, method):
        return getattr(self, method)(*args)

    def motion(self, image):
        return Motion(self.pose(image), image.reshape(len(image), -1)[:, 7:11])

    def pose(self, image):
        return HeadPose.from_vector(image.reshape(len(image), -1)[:, :7])

    def encode(self, image):
        return image, self.motion(image)

    def decode(self, appearance, motion):
        drawn = appearance.reshape(len(appearance), -1)
        return drawn.at[:, :11].set(motion.vector).reshape(appearance.shape)

    def read_labels(self, dynamics):
        return {"expression": jnp.zeros((len(dynamics), 57))}


def test_each_column_has_the_motion_that_it_is_named_after():
    generator = np.random.default_rng(0)
    pairs = {
        "source": generator.integers(0, 255, (2, SIZE, SIZE, 3), np.uint8),
        "driver": generator.integers(0, 255, (2, 1, SIZE, SIZE, 3), np.uint8),
        "driver_pose": generator.normal(size=(2, 1, 7)).astype(np.float32),
        "driver_landmarks": generator.uniform(-0.5, 0.5, (2, 1, 68, 2)).astype(np.float32),
        "person": np.arange(2),
    }
    seen = jax.jit(lambda given: face_report.look(Spy(), {}, None, given))(pairs)
    read = {name: np.asarray(seen[name]).reshape(2, -1) for name in face_report.COLUMNS}
    source, driver = read["source"][:, :11], read["driver"][:, :11]
    upright = np.tile(np.eye(7)[6], (2, 1))
    expected = {
        "output": (driver[:, :7], driver[:, 7:]),
        "label_pose": (pairs["driver_pose"][:, 0], driver[:, 7:]),
        "canonical": (upright, source[:, 7:]),
        "pose_only": (driver[:, :7], source[:, 7:]),
        "dynamics_only": (source[:, :7], driver[:, 7:]),
        "neighbour": (driver[:, :7], driver[:, 7:]),
    }
    for name, motion in expected.items():
        np.testing.assert_allclose(read[name][:, :11], np.concatenate(motion, 1), rtol=1e-6, err_msg=name)
        whose = read["source"][::-1] if name == "neighbour" else read["source"]
        np.testing.assert_array_equal(read[name][:, 11:], whose[:, 11:], name)
    np.testing.assert_allclose(seen["pose_again"], driver[:, :7], rtol=1e-6)


def test_clips_of_one_person_have_one_number():
    records = [{"identity": name} for name in (b"b", b"a", b"b")]
    assert face_report.person_numbers(records).tolist() == [1, 0, 1]


def test_psnr_by_hand():
    zero, weight = np.zeros((1, 4, 4, 3)), np.ones((1, 4, 4, 1))
    assert face_report.psnr(zero + 0.2, zero, weight) == pytest.approx(20, abs=1e-3)
    weight[:, :2] = 0
    half = zero.copy()
    half[:, :2] = 1.0
    assert face_report.psnr(half, zero, weight) > 80
