"""A person leaves a set: their clips go, all else stays to the byte, and a stopped run leaves a whole set."""

import json
import shutil

import numpy as np
import pytest
from toys import SIZE, make_record, make_video_record

from vasa_jax.data import array_records, clips, drop_person, motion_set
from vasa_jax.data.videos.refusals import Refusal, read_table, write_table
from vasa_jax.errors import UserError


@pytest.fixture
def folder(clip_set, tmp_path):
    """A copy of the toy set; records 50 to 53 train, and everybody in it has one clip."""
    return shutil.copytree(clip_set, tmp_path / "people")


def contents(folder, split):
    source = clips.open_clips(folder, split)
    return {clips.text(source[i]["clip"]): source[i] for i in range(len(source))}


def test_the_persons_clips_are_gone_and_the_others_are_the_same(folder):
    before = {split: contents(folder, split) for split in ("train", "validation")}
    assert drop_person.drop_person(folder, "identity51") == 1
    after = {split: contents(folder, split) for split in ("train", "validation")}
    assert set(after["train"]) == set(before["train"]) - {"clip51"}
    assert set(after["validation"]) == set(before["validation"])
    for split, records in after.items():
        for name, record in records.items():
            for field, value in before[split][name].items():
                np.testing.assert_equal(record[field], value)
    assert b"identity51" not in b"".join(file.read_bytes() for file in folder.iterdir())
    assert [file.name for file in folder.parent.iterdir()] == ["people"]


def test_a_split_that_is_empty_then_is_no_more(folder):
    for name in ("identity100", "identity101"):
        drop_person.drop_person(folder, name)
    assert not clips.has_split(folder, "validation") and len(contents(folder, "train")) == 4


def test_pictures_and_lines_about_the_person_go_and_other_files_stay(tmp_path):
    from vasa_jax.data.videos.record import video_features

    folder = tmp_path / "people"
    records = [(f"c{i}", make_video_record(i)) for i in range(3)]
    folder.mkdir()
    array_records.write_set(folder, "videos", video_features(SIZE), {"train": records})
    write_table(folder / "refusals.csv", [Refusal("v0.mp4", 0.0, 1.0, "cut"), Refusal("v1.mp4", 0.0, 1.0, "music")])
    (folder / "report.html").write_text("faces")
    (folder / "notes.txt").write_text("kept")
    drop_person.drop_person(folder, "identity1")
    assert [refusal.video for refusal in read_table(folder / "refusals.csv")] == ["v0.mp4"]
    assert not (folder / "report.html").exists() and (folder / "notes.txt").read_text() == "kept"
    assert np.isnan(contents(folder, "train")["c0"]["expression"]).all(), "what is absent stays so"


def test_statistics_of_motion_are_taken_anew(tmp_path):
    generator = np.random.default_rng(0)
    records = []
    for index in range(3):
        toy = make_record(index)
        frames = len(toy["frames"])
        encoded = {
            "motion": generator.normal(index, 1, (frames, 9)).astype(np.float32),
            "audio_features": generator.normal(size=(frames, 4)).astype(np.float32),
        }
        records.append({name: toy[name] for name in motion_set.KEPT} | encoded)
    folder = tmp_path / "motion"
    folder.mkdir()
    keyed = [(record["clip"], record) for record in records]
    array_records.write_set(folder, "motion", motion_set.motion_features(9, 4), {"train": keyed})
    (folder / motion_set.STATISTICS).write_text(json.dumps(motion_set.statistics(records)))
    drop_person.drop_person(folder, "identity2")
    expected = np.concatenate([record["motion"] for record in records[:2]]).mean(0)
    np.testing.assert_allclose(motion_set.read_statistics(folder)["mean"], expected, atol=1e-4)


def test_nobody_of_that_name_and_nobody_else_are_told(folder, tmp_path):
    with pytest.raises(UserError, match=r"nobody in the set is called 'ann'; there are identity100, "):
        drop_person.drop_person(folder, "ann")
    alone = tmp_path / "alone"
    alone.mkdir()
    array_records.write_set(alone, "toy", clips.clip_features(SIZE), {"train": [("a", make_record(1))]})
    with pytest.raises(UserError, match="no other person to train on than 'identity1': remove the set instead"):
        drop_person.drop_person(alone, "identity1")
    with pytest.raises(UserError, match="no clip set in"):
        drop_person.drop_person(tmp_path / "none", "ann")
    assert len(contents(folder, "train")) == 4


def test_a_failure_on_the_way_leaves_the_set_as_it_was(folder, monkeypatch):
    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(drop_person, "_copy_rest", full)
    with pytest.raises(OSError):
        drop_person.drop_person(folder, "identity51")
    assert "clip51" in contents(folder, "train")
    monkeypatch.undo()
    assert drop_person.drop_person(folder, "identity51") == 1
    assert [file.name for file in folder.parent.iterdir()] == ["people"]


def test_a_run_stopped_between_its_renames_is_mended(folder):
    folder.rename(folder.with_name("people.before"))
    assert drop_person.drop_person(folder, "identity52") == 1
    assert "clip52" not in contents(folder, "train")


def test_the_command_says_what_it_did_or_one_line(folder, capsys):
    drop_person.main([f"--data={folder}", "--identity=identity50"])
    assert "1 clips of identity50 are gone" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        drop_person.main([f"--data={folder}", "--identity=identity50"])
    assert stop.value.code == 2 and capsys.readouterr().err.count("\n") == 1
