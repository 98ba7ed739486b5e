"""From a folder to a set, by Apache Beam: several workers, a run that goes on, files that break, and its table."""

import films
import numpy as np
import pytest

from vasa_jax.data import clips, pipeline, prepare
from vasa_jax.data.videos import parts, splits
from vasa_jax.data.videos.engine import Engine, check
from vasa_jax.data.videos.one_video import clip_name
from vasa_jax.data.videos.refusals import Refusal, read_table, write_table
from vasa_jax.data.videos.report import histogram
from vasa_jax.data.videos.run import list_videos
from vasa_jax.errors import UserError

MANIFEST = (
    "video,source,licence,consent,language\nann/,studio,CC-BY-4.0,signed in May,en\n./,none,own,nobody is seen,\n"
)


@pytest.fixture(scope="module")
def folder(talks, faces, tmp_path_factory):
    """Two people, a wall, text, an empty file, and a file that is no video by its name."""
    folder = tmp_path_factory.mktemp("videos")
    films.write(folder / "ann" / "a.mp4", films.scene(faces[0]), talks[0]["audio"])
    films.write(folder / "bob" / "b.mkv", films.scene(faces[1], 30), talks[1]["audio"], 30)
    films.write(folder / "wall.mp4", [films.wall()] * 30, films.silence(30))
    (folder / "words.mp4").write_text("This is no video.\n" * 100)
    (folder / "empty.mov").write_bytes(b"")
    (folder / "notes.txt").write_text("not looked at")
    (folder / "manifest.csv").write_text(MANIFEST)
    return folder


def arguments(folder, out, assets, *more: str) -> list[str]:
    sizes = ["--size", "64", "--shortest", "1", "--largest_offset", "0", "--landmarks", str(assets / "mediapipe")]
    return ["--videos", str(folder), "--out", str(out), *sizes, *more]


@pytest.mark.slow
def test_a_folder_becomes_a_set(folder, assets, tmp_path, capsys):
    """With two worker processes; the first run breaks off, the second goes on without opening what is done."""
    pytest.importorskip("apache_beam")
    out, workers = tmp_path / "set", ["--runner=DirectRunner", "--direct_num_workers=2"]
    workers.append("--direct_running_mode=multi_processing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vasa_jax.data.videos.run.write_set", broken)
        with pytest.raises(RuntimeError, match="stopped"):
            prepare.main(arguments(folder, out, assets, *workers))
    (work,) = out.glob("clips-*")
    assert len(list(work.glob(f"*/{parts.ACCOUNT}"))) == 5
    assert not (out / "dataset_info.json").exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "map", broken)  # there is nothing to be done again
        prepare.main(arguments(folder, out, assets, *workers, "--held_out", "0.5"))
    assert "2 clips" in capsys.readouterr().out and not work.exists()

    sets = {split: clips.open_clips(out, split) for split in ("train", "validation")}
    records = [source[0] for source in sets.values()]
    assert [len(source) for source in sets.values()] == [1, 1]
    assert {clips.text(record["identity"]) for record in records} == {"ann", "bob"}
    ann = next(record for record in records if clips.text(record["identity"]) == "ann")
    assert [clips.text(ann[name]) for name in ("licence", "consent", "video")] == [
        "CC-BY-4.0",
        "signed in May",
        "ann/a.mp4",
    ]
    pair = pipeline.FacePairs(2, 0.3, 32)(ann, np.random.default_rng(0))
    assert pair["driver"].shape == (2, 32, 32, 3) and np.isnan(pair["driver_expression"]).all()
    refused = {refusal.video: refusal.reason for refusal in read_table(out / "refusals.csv")}
    assert refused == {"wall.mp4": "no face", "words.mp4": "unreadable", "empty.mov": "unreadable"}
    report = (out / "report.html").read_text()
    assert report.count("data:image/jpeg") == 3 and "unreadable" in report
    with pytest.raises(SystemExit):
        prepare.main(arguments(folder, out, assets))
    assert "already holds a data set" in capsys.readouterr().err


def broken(*arguments):
    raise RuntimeError("stopped")


@pytest.mark.slow
def test_one_broken_video_never_stops_the_others(folder, tmp_path, settings, readers, monkeypatch):
    class Breaks:
        name = "breaks"

        def find(self, frame):
            raise MemoryError("no memory")

        def read(self, frame, crop):
            raise NotImplementedError

    import dataclasses

    work = tmp_path / "work"
    account = parts.prepare_video(folder, "wall.mp4", settings, dataclasses.replace(readers, faces=Breaks()), work)
    assert [(one.reason, one.detail) for one in account.refusals] == [("unreadable", "MemoryError: no memory")]
    assert parts.prepare_video(folder, "wall.mp4", settings, readers, work) == account, "it is done"


def test_mistakes_are_told_before_any_work(tmp_path, capsys):
    for arguments, told in (
        (["--videos", "none", "--out", "o", "--shortest", "3", "--longest", "2"], "give 0 < shortest <= longest"),
        (["--videos", "none", "--out", "o", "--held_out", "1"], "give a share from 0 to below 1"),
        (["--videos", "none", "--out", "o", "--size", "8"], "give 32 pixels or more"),
    ):
        with pytest.raises(SystemExit) as error:
            prepare.main(arguments)
        assert error.value.code == 2 and told in capsys.readouterr().err
    with pytest.raises(UserError, match="no such folder of videos"):
        list_videos(tmp_path / "none")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UserError, match="no video in"):
        list_videos(tmp_path)


def test_flags_that_nobody_knows_are_told():
    pytest.importorskip("apache_beam")
    check(["--runner=FlinkRunner", "--flink_master=localhost:8081", "--parallelism", "4"])
    with pytest.raises(UserError, match="unknown flag --sise: neither of this command"):
        Engine(["--sise", "4"])


def test_the_table_of_refusals(tmp_path):
    refusals = [Refusal("a,b.mp4", 0.0, 1.5, "no face"), Refusal("ü.mp4", 2.04, 3.0, "blurred", 'said "no"')]
    write_table(tmp_path / "t.csv", refusals)
    assert read_table(tmp_path / "t.csv") == refusals
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == '"a,b.mp4",0.000,1.500,no face,'
    with pytest.raises(ValueError, match="unknown reason 'ugly'"):
        Refusal("a.mp4", 0.0, 1.0, "ugly")


def test_people_are_held_out_whole_where_there_are_several():
    who = {f"c{k:02d}": f"person{k % 7}" for k in range(40)}
    videos = {clip: f"{clip}.mp4" for clip in who}
    found = splits.split_of(who, videos, 0.3)
    held = {who[clip] for clip in who if found[clip] == "validation"}
    assert len(held) == 2 and all((who[clip] in held) == (found[clip] == "validation") for clip in who)
    alone = splits.split_of(dict.fromkeys(who, "ann"), videos, 0.1)
    assert list(alone.values()).count("validation") == 4
    one = splits.split_of(dict.fromkeys(who, "ann"), dict.fromkeys(who, "a.mp4"), 0.1)
    assert list(one.values()).count("validation") == 4
    assert splits.split_of({"c": "ann"}, {"c": "a.mp4"}, 0.1) == {"c": "train"}
    assert set(splits.split_of(who, videos, 0.0).values()) == {"train"}


def test_clips_of_files_that_are_called_alike_have_names_of_their_own():
    names = {clip_name(video, frame) for video in ("x/a.mp4", "x_a.mp4", "y/a.mp4", "a.mkv") for frame in (0, 25)}
    assert len(names) == 8 and all(name.replace("_", "").isalnum() and len(name) <= 64 for name in names)


def test_charts_count_what_is_finite():
    chart = histogram(np.array([0.1, np.nan, 5.0]), "<size>", (0.0, 1.0))
    assert "&lt;size&gt;" in chart and "median 2.55" in chart and chart.count("height='76.0'") == 2
