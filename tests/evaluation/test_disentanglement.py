"""The measures on a face model whose images say in so many pixels what they show, so that every answer is known."""

import dataclasses
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from toys import SIZE, clip_set

from vasa_jax.errors import UserError
from vasa_jax.evaluation import disentanglement, face_measures, face_model, held_out
from vasa_jax.judges import LandmarkJudge
from vasa_jax.pixels import to_uint8
from vasa_jax.types import Appearance, Motion

__all__ = ["clip_set"]
PEOPLE, FRAMES, CODES = 5, 12, 6


class Painted:
    """The first row of an image holds pose and dynamics, the rest is the person. Three flaws can be switched on."""

    image_size = SIZE

    def __init__(self, who_in_dynamics=False, pose_in_volume=False, pose_ignored=False):
        self.who_in_dynamics, self.pose_in_volume, self.pose_ignored = who_in_dynamics, pose_in_volume, pose_ignored

    def apply(self, variables, *args, method):
        return getattr(self, method)(*args)

    def pose(self, image):
        return self.motion(image).pose

    def motion(self, image):
        row = image[:, 0].reshape(len(image), -1)
        motion = Motion.from_vector(row[:, : 7 + CODES])
        return motion.replace(dynamics=image[:, 1:3].reshape(len(image), -1)) if self.who_in_dynamics else motion

    def appearance(self, image, motion):
        kept = image if self.pose_in_volume else image.at[:, 0].set(0)
        return Appearance(kept[:, None], kept[:, :1, :1])

    def decode(self, appearance, motion):
        drawn = appearance.volume[:, 0]
        row = motion.vector[:, : 7 + CODES] * (0.0 if self.pose_ignored else 1.0)
        top = jnp.zeros((len(drawn), SIZE * 3)).at[:, : row.shape[1]].set(row)
        drawn = drawn.at[:, 1].set(drawn[:, 1] + drawn[:, 0] * self.pose_in_volume)
        return drawn.at[:, 0].set(top.reshape(-1, SIZE, 3))


@struct.dataclass
class ByPixels:
    """An identity judge without weights: the face is its lower half."""

    def chips(self, images, landmarks):
        return images[:, SIZE // 2 :]

    def __call__(self, chips):
        return chips.reshape(len(chips), -1)


@pytest.fixture(scope="module")
def people():
    generator = np.random.default_rng(0)
    shades = generator.uniform(-0.9, 0.9, (PEOPLE, SIZE, SIZE, 3))
    found = []
    for shade in shades:
        motion = generator.uniform(-0.5, 0.5, (FRAMES, 7 + CODES)) * [*[0.5] * 3, *[1.0] * (4 + CODES)]
        motion[0] = 0
        images = np.repeat(shade[None], FRAMES, 0)
        images[:, 0] = 0
        images.reshape(FRAMES, -1)[:, : 7 + CODES] = motion
        landmarks = np.zeros((FRAMES, 68, 2), np.float32)
        pose, codes = motion[:, :7].astype(np.float32), motion[:, 7:].astype(np.float32)
        found.append(held_out.Person(str(len(found)), np.asarray(to_uint8(images)), pose, codes, landmarks, 0))
    return found


def judges():
    perceptual, gaze = (jax.tree_util.Partial(function) for function in (lambda x: (x,), look))
    return face_measures.Judges(ByPixels(), perceptual, None, gaze)


def look(images, landmarks):
    """Gaze is the first two numbers of the dynamics."""
    return SimpleNamespace(angles=images[:, 0].reshape(len(images), -1)[:, 7:9])


def measuring(people, **flaws):
    return face_measures.Measuring(face_model.Face(Painted(**flaws), {}), people, judges())


@pytest.fixture(scope="module")
def good(people):
    return measuring(people).all()


def test_a_model_that_keeps_all_apart(good):
    assert good["pose_degrees"] < 0.3 and good["swapped_pose_degrees"] < 0.01  # the first from images of 256 levels
    assert good["consistency"] < 0.01 and good["canonical"] < 0.02
    assert good["psnr"] > 50 > good["copy_psnr"] and good["ssim"] > 0.99
    assert good["perceptual"] < good["copy_perceptual"]
    assert good["gaze_degrees"] < 0.5 < 10 < good["copy_gaze_degrees"]
    assert good["detail"] == pytest.approx(1, abs=0.01)
    assert good["cross_source"] > 0.99 and good["cross_owner"] < 0.5 and good["cross_area"] == 1.0
    assert good["dynamics_expression_r2"] > 0.99 and good["dynamics_pose_r2"] < 0.2
    assert good["dynamics_identity"] < 0.5


def test_each_flaw_shows_in_its_measure(people, good):
    told = measuring(people, who_in_dynamics=True).codes()
    assert told["dynamics_identity"] > 0.95 and told["dynamics_expression_r2"] < 0.2
    posed = measuring(people, pose_in_volume=True).same_person()
    assert posed["consistency"] > good["consistency"] + 0.003 and posed["canonical"] > good["canonical"] + 0.005
    still = measuring(people, pose_ignored=True)
    assert still.swapped_pose()["swapped_pose_degrees"] > 5 and still.same_person()["psnr"] < good["psnr"] - 10


def test_faces_of_the_wrong_person_are_found(people):
    wrong = measuring(people)
    wrong.appearance = jax.tree.map(lambda x: np.roll(x, -1, 0), wrong.appearance)  # the next person is drawn
    found = wrong.other_person()
    assert found["cross_source"] < 0.5 and found["cross_area"] < 0.6


def test_the_landmark_judge_may_have_a_zero_of_its_own(people, monkeypatch):
    def read(judge, frames):
        angles = frames[:, 0].reshape(len(frames), -1)[:, :3] / 127.5 - 1 + 0.3
        angles[2] = np.nan
        return SimpleNamespace(head_angles=angles)

    monkeypatch.setattr(face_measures.readings, "read", read)
    looking = dataclasses.replace(judges(), landmarks=object.__new__(LandmarkJudge))
    found = face_measures.Measuring(face_model.Face(Painted(), {}), people, looking).swapped_pose()
    assert found["swapped_pose_judge"] < 0.3 and found["swapped_pose_judge_true"] < 0.3
    assert found["swapped_pose_lost"] == found["swapped_pose_lost_true"] == pytest.approx(1 / FRAMES)


def test_rows_of_the_grid_are_sources_and_columns_drivers(people):
    grid = measuring(people).grid(3).reshape(4, SIZE, 4, SIZE, 3).swapaxes(1, 2)
    for k in range(3):
        source, driver = people[k].frames[0], grid[0, k + 1]
        np.testing.assert_array_equal(grid[k + 1, 0], source)
        assert any((driver == frame).all() for frame in people[k].frames[1:])
        for other in range(3):
            np.testing.assert_array_equal(grid[k + 1, other + 1][1:], source[1:])
            np.testing.assert_array_equal(grid[other + 1, k + 1][0], driver[0])


def test_one_person_is_not_enough(people):
    with pytest.raises(UserError, match="measured across people: the split holds 1, 2 are needed"):
        measuring(people[:1])


def test_chunks_of_one_shape_give_every_row_once():
    shapes = []

    def double(tree):
        shapes.append(tree["x"].shape)
        return tree["x"] * 2

    x = np.arange(2 * face_model.CHUNK + 3.0)
    np.testing.assert_array_equal(face_model.in_chunks(double, {"x": x}), 2 * x)
    assert set(shapes) == {(face_model.CHUNK,)} and len(shapes) == 3


def test_range_clips_come_first_and_nobody_twice(clip_set):
    from toys import make_record

    wanted = [dict(make_record(1), identity="b"), dict(make_record(2, "range"), identity="b"), make_record(3)]
    found = held_out.read_people(wanted, SIZE, frames=5)
    assert [person.identity for person in found] == ["b", "identity3"]
    full = make_record(2)["pose"]
    assert 5 <= len(found[0].frames) <= 6 and all((full == pose).all(1).any() for pose in found[0].pose)
    assert held_out.read_people(wanted, SIZE, count=1)[0].identity == "b"
    assert len(found[0].others) == len(found[0].frames) - 1 and found[0].portrait not in found[0].others


def test_several_models_stand_side_by_side(clip_set, tmp_path, monkeypatch, capsys):
    models = {"runs/with": Painted(), "runs/without": Painted(pose_ignored=True)}
    monkeypatch.setattr(face_model, "load_face", lambda folder: face_model.Face(models[folder], {}))
    monkeypatch.setattr(face_measures, "load_judges", lambda assets: judges())
    out, grid = tmp_path / "report.json", tmp_path / "grid.png"
    command = ["--face", *models, "--data", str(clip_set), "--assets", "-", "--out", str(out), "--grid", str(grid)]
    assert disentanglement.main(command) == 0
    table = capsys.readouterr().out
    assert table.startswith("| measure | with | without | should be |\n|---|---|---|---|\n")
    assert "MediaPipe" not in table and out.with_suffix(".md").read_text() == table
    report = json.loads(out.read_text())
    assert report["models"].keys() == {"with", "without"} and report["settings"]["split"] == "validation"
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["grid_with.png", "grid_without.png"]
    first = out.read_text()
    assert disentanglement.main(command) == 0 and out.read_text() == first, "the same numbers every time"


def test_what_was_not_measured_is_null_and_its_row_left_out(tmp_path):
    found = {"a": {"psnr": 20.0, "cross_area": float("nan")}}
    disentanglement.write(tmp_path / "r.json", {}, found)
    assert json.loads((tmp_path / "r.json").read_text())["models"]["a"] == {"psnr": 20.0, "cross_area": None}
    assert len(disentanglement.markdown(found).splitlines()) == 4


def test_models_of_one_name_are_told_apart():
    assert disentanglement.columns(["runs/a", "runs/b/"]) == ["a", "b"]
    assert disentanglement.columns(["one/a", "two/a"]) == ["one/a", "two/a"]


def test_mistakes_are_one_line(tmp_path, capsys):
    common = ["--face", str(tmp_path), "--data", str(tmp_path), "--assets", str(tmp_path)]
    assert disentanglement.main([*common, "--out", str(tmp_path / "no" / "r.json")]) == 2
    assert capsys.readouterr().err == f"disentanglement: cannot write {tmp_path}/no/r.json: its folder does not exist\n"
    assert disentanglement.main([*common, "--out", str(tmp_path / "r.json")]) == 2
    assert capsys.readouterr().err.startswith(f"disentanglement: no perceptual network at {tmp_path}/efficientnet")
