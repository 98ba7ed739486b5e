import json

import pytest

from vasa_jax.data.videos.manifest import Entry, read_manifest
from vasa_jax.errors import UserError

HEADER = "video,source,licence,consent,language,identity"
VIDEOS = ["talks/ann.mp4", "talks/more/bob.mp4", "own.mp4"]


def written(folder, *lines, header=HEADER):
    (folder / "manifest.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def test_the_most_exact_row_counts_as_a_whole(tmp_path):
    written(
        tmp_path,
        "./,home,own,mine,en,",
        "talks/,web,CC-BY-4.0,all signed,en,",
        'talks/ann.mp4,"web, again",CC0-1.0,Ann signed,de-CH,ann',
    )
    found = read_manifest(tmp_path, VIDEOS)
    assert found == {
        "talks/ann.mp4": Entry("web, again", "CC0-1.0", "Ann signed", "de-CH", "ann"),
        "talks/more/bob.mp4": Entry("web", "CC-BY-4.0", "all signed", "en"),
        "own.mp4": Entry("home", "own", "mine", "en"),
    }
    assert found["own.mp4"].fields == {"source": "home", "licence": "own", "consent": "mine", "language": "en"}


def test_lines_of_json_say_the_same(tmp_path):
    rows = [{"video": video, "source": "s", "licence": "l", "consent": "c", "language": "fr"} for video in VIDEOS]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    assert read_manifest(tmp_path, VIDEOS) == dict.fromkeys(sorted(VIDEOS), Entry("s", "l", "c", "fr"))


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path):
    (tmp_path / "manifest.csv").write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n./,s,l,c,,\r\n".encode())
    assert read_manifest(tmp_path, ["a.mp4"])["a.mp4"].language == ""


def test_without_a_manifest_the_way_out_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no manifest\.csv or manifest\.jsonl in .*--no_manifest"):
        read_manifest(tmp_path, VIDEOS)
    written(tmp_path, "./,s,l,c,,")
    (tmp_path / "manifest.jsonl").write_text("{}")
    with pytest.raises(UserError, match="both"):
        read_manifest(tmp_path, VIDEOS)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["talks/,s,l,c,,"], r"own\.mp4 is not in .*add them, or give --no_manifest"),
        (["x/,s,l,c,,"], r"own\.mp4, talks/ann\.mp4, talks/more/bob\.mp4 are not in"),
        (["./,s,l,,en,"], "line 2: consent is empty"),
        (["./,s,l,c,,", "talks/ann.mp4,s, ,c,,"], "line 3: licence is empty"),
        (["./,s,l,c,,", "./,s,l,c,,"], r"line 3: \./ is there twice"),
        (["./,s,l,c,,", "talks/an.mp4,s,l,c,,"], r"a row for talks/an\.mp4, and there is no such video"),
        (["./,s,l,c,,,more"], "unknown column 'a column without a name'"),
        ([], "is empty"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, lines, message):
    with pytest.raises(UserError, match=message):
        read_manifest(written(tmp_path, *lines), VIDEOS)


def test_columns_with_other_names_are_told(tmp_path):
    with pytest.raises(UserError, match="unknown column 'license'; there are video, source, licence"):
        read_manifest(written(tmp_path, "./,s,l,c", header="video,source,license,consent"), VIDEOS)


def test_a_damaged_line_of_json_is_one_line(tmp_path):
    (tmp_path / "manifest.jsonl").write_text('{"video": \n')
    with pytest.raises(UserError, match="cannot be read") as told:
        read_manifest(tmp_path, VIDEOS)
    assert "\n" not in str(told.value)


def test_a_row_for_a_file_that_is_no_video_is_no_mistake(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    assert len(read_manifest(written(tmp_path, "./,s,l,c,,", "notes.txt,s,l,c,,"), VIDEOS)) == 3
