from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vasa_jax.data.videos import identities
from vasa_jax.data.videos.labels import ibug_landmarks
from vasa_jax.errors import UserError
from vasa_jax.judges import LandmarkJudge

HEADS = Path(__file__).parents[2] / "judges" / "heads.jpg"


def test_a_folder_is_a_person():
    rule = identities.by_folder
    assert [rule(v) for v in ("ann/a.mp4", "ann/b/c.mp4", "bob/a.mp4", "alone.mp4")] == ["ann", "ann", "bob", "alone"]


def test_a_pattern_finds_the_person_in_the_path():
    assert identities.by_pattern(r"(?:^|/)([a-z]+)_\d+")("x/ann_12.mp4") == "ann"
    assert identities.by_pattern(r"(\d+)_(?P<identity>\w)")("7_b.mp4") == "b"
    assert identities.by_pattern(r"^(a)?b")("b.mp4") == "" == identities.by_pattern("(z)")("b.mp4")
    with pytest.raises(UserError, match="has no group"):
        identities.by_pattern("abc")
    with pytest.raises(UserError, match="is no regular expression"):
        identities.by_pattern("(a")


def test_a_table_says_who_is_seen(tmp_path):
    table = tmp_path / "who.csv"
    table.write_text("identity,video,age\nann,a.mp4,30\nbob,b/c.mp4,31\n")
    rule = identities.by_table(table)
    assert identities.identities_of(["a.mp4", "b/c.mp4"], rule) == {"a.mp4": "ann", "b/c.mp4": "bob"}
    with pytest.raises(UserError, match=r"nothing says who is seen in x\.mp4 and 1 more"):
        identities.identities_of(["y.mp4", "a.mp4", "x.mp4"], rule)
    table.write_text("identity,video\nann,a.mp4\nbob,a.mp4\n")
    with pytest.raises(UserError, match="names a video twice"):
        identities.by_table(table)
    for text in ("name,video\nann,a.mp4\n", "identity,video\nann\n"):
        table.write_text(text)
        with pytest.raises(UserError, match="no table with the columns video and identity"):
            identities.by_table(table)
    with pytest.raises(UserError, match="no table with the columns"):
        identities.by_table(tmp_path / "none.csv")


def crowd(people: int, clips: int, spread: float, seed: int = 0) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Descriptors of some clips of each of some people, whose names mix them up, and who is who."""
    generator = np.random.default_rng(seed)
    faces = generator.normal(size=(people, 64)) + 2.0  # faces resemble each other
    order = generator.permutation(people * clips)
    found, who = {}, {}
    for rank, index in enumerate(order):
        vector = faces[index // clips] + spread * generator.normal(size=64)
        found[f"clip{rank:04d}"], who[f"clip{rank:04d}"] = vector / np.linalg.norm(vector), index // clips
    return found, who


def test_faces_that_are_alike_are_one_person():
    descriptors, who = crowd(people=40, clips=6, spread=0.25)
    found = identities.by_faces(descriptors)
    pairs = {(found[name], who[name]) for name in found}
    assert len(pairs) == 40 == len(set(found.values()))
    assert found["clip0000"] == "person_00000" and list(found) == sorted(found)


def test_the_order_in_which_clips_come_changes_nothing():
    descriptors, _ = crowd(people=10, clips=4, spread=0.2, seed=1)
    assert identities.by_faces(dict(reversed(descriptors.items()))) == identities.by_faces(descriptors)
    assert identities.by_faces({}) == {}


def test_strangers_stay_apart_and_the_distance_decides():
    descriptors, _ = crowd(people=30, clips=1, spread=0.0)
    assert len(set(identities.by_faces(descriptors).values())) == 30
    assert set(identities.by_faces(descriptors, distance=2.0).values()) == {"person_00000"}


def test_two_people_are_told_apart_by_their_faces(assets):
    pytest.importorskip("ai_edge_litert")
    strip = np.asarray(Image.open(HEADS).convert("RGB"))
    heads = strip.reshape(128, 2, 4, 128, 3).transpose(1, 2, 0, 3, 4)
    judge, describe = LandmarkJudge(assets / "mediapipe"), identities.FaceDescriber(assets / "face_identity")
    found = {}
    for person, frames in enumerate(heads):
        track = judge.track(frames)
        landmarks = ibug_landmarks(track.points, track.lids)
        for half in (0, 2):
            found[f"{half}{person}"] = describe(frames[half : half + 2], landmarks[half : half + 2])
    assert np.linalg.norm(found["00"]) == pytest.approx(1, abs=1e-5)
    named = identities.by_faces(found, distance=0.25)
    assert named["00"] == named["20"] != named["01"] == named["21"]
    assert describe(heads[0], np.full((4, 68, 2), np.nan, np.float32)) is None
