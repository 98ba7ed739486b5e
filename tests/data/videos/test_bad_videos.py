"""What is wrong with a video is found, and refused for the right reason; what is good beside it is kept."""

import dataclasses
import tracemalloc

import films
import numpy as np
import pytest

from vasa_jax.data.videos.one_video import Video
from vasa_jax.data.videos.sound import Sound

pytestmark = pytest.mark.slow


def reasons(refused) -> list[str]:
    return [refusal.reason for refusal in refused]


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    return lambda name, frames, audio, rate=25, **options: films.write(folder / name, frames, audio, rate, **options)


def test_two_faces(talks, faces, write, sort):
    """One person alone, then a second one comes in."""
    count = min(map(len, faces))
    small = films.pictures(talks[1], 200)[:count]
    both = films.scene(faces[0][:count], place=(20, 30))
    for frame, other in zip(both[40:], small[40:], strict=True):
        frame[100 : 100 + len(other), 440 : 440 + len(other)] = other
    clips, refused = sort(write("two.mp4", both, talks[0]["audio"]), largest_offset=0.0, least_speech=0.0)
    assert set(reasons(refused)) == {"two faces"}
    assert refused[0].start == pytest.approx(40 / 25, abs=0.5) and refused[0].end == pytest.approx(count / 25, abs=0.1)
    assert [clip["start"] for clip in clips] == [0]


def test_a_cut_to_another_person(talks, faces, write, sort):
    """Both shots become clips of their own; one that is too short does not."""
    frames = films.scene(faces[0][:40]) + films.scene(faces[1][:40], behind=films.wall(seed=1))
    path = write("cut.mp4", frames, np.tile(talks[0]["audio"], 2)[: 80 * 640])
    clips, refused = sort(path, largest_offset=0.0, least_speech=0.0)
    assert [(round(clip["start"] * 25), len(clip["frames"])) for clip in clips] == [(0, 40), (40, 40)]
    assert not refused
    clips, refused = sort(path, largest_offset=0.0, least_speech=0.0, shortest=1.7, longest=4.0)
    assert not clips and reasons(refused) == ["cut", "cut"]
    assert [refusal.start for refusal in refused] == [0.0, 1.6]


def test_no_face(write, sort):
    clips, refused = sort(write("wall.mp4", [films.wall()] * 30, films.silence(30)))
    assert not clips and reasons(refused) == ["no face"]
    assert (refused[0].start, refused[0].end) == (0.0, 1.2)


def test_too_small_out_of_frame_and_blurred(talks, faces, write, sort):
    frames, audio = films.scene(faces[0]), talks[0]["audio"]
    path = write("good.mp4", frames, audio)
    assert reasons(sort(path, least_square=400)[1]) == ["too small"]
    assert reasons(sort(path, least_sharpness=9.0)[1]) == ["blurred"]
    assert set(reasons(sort(path, largest_yaw=0.01)[1])) <= {"profile", "too short"}
    tiny = films.scene(films.pictures(talks[0], 90))
    assert reasons(sort(write("tiny.mp4", tiny, audio), size=512)[1]) == ["too small"]
    cut = [np.ascontiguousarray(frame[:, 270:]) for frame in frames]
    clips, refused = sort(write("edge.mp4", cut, audio))
    assert not clips and set(reasons(refused)) <= {"out of frame", "no face", "too short"}


def test_silence_music_and_a_file_without_sound(faces, write, sort):
    frames = films.scene(faces[0])
    count = len(frames)
    assert reasons(sort(write("mute.mp4", frames, None))[1]) == ["no speech"]
    assert reasons(sort(write("still.mp4", frames, films.silence(count)))[1]) == ["no speech"]
    assert reasons(sort(write("chords.mp4", frames, films.chords(count)))[1]) == ["music"]
    clips, refused = sort(write("mute.mp4", frames, None), least_speech=0.0)
    assert not refused and clips[0]["kind"] == "range", "a silent clip is none for stage 2"


@pytest.mark.parametrize("late", [-8, 6])
def test_sound_that_is_out_of_sync(talks, faces, write, sort, late):
    frames, audio = films.scene(faces[0]), np.roll(talks[0]["audio"], 640 * late)
    clips, refused = sort(write(f"late{late}.mp4", frames, audio))
    assert not clips and reasons(refused) == ["out of sync"]
    assert float(refused[0].detail.split()[1]) == pytest.approx(late, abs=1)


def test_files_that_are_no_videos_or_break(talks, faces, write, sort, tmp_path):
    empty, words = tmp_path / "empty.mp4", tmp_path / "words.mp4"
    empty.write_bytes(b"")
    words.write_text("This is no video.\n" * 100)
    for path, told in ((empty, "the file is empty"), (words, "not a video that can be read")):
        clips, refused = sort(path)
        assert not clips and [(one.reason, one.detail) for one in refused] == [("unreadable", told)]
    broken = tmp_path / "broken.mkv"
    films.write(broken, films.scene(faces[0]), talks[0]["audio"])
    data = broken.read_bytes()
    broken.write_bytes(data[: len(data) * 2 // 3])
    clips, refused = sort(broken, largest_offset=0.0)
    assert clips and "unreadable" in reasons(refused)
    assert refused[-1].start == pytest.approx(clips[-1]["start"] + len(clips[-1]["frames"]) / 25, abs=0.3)


class Nobody:
    name = "nobody"

    def find(self, frame):
        return []

    def read(self, frame, crop):
        return None


def peak(work) -> int:
    """The most bytes that Python and NumPy hold at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_long_video_needs_the_memory_of_a_short_one(write, settings, readers):
    """Its sound too, which is read for a clip at its very end; a picture a second, so that the test is short."""
    blind, held = dataclasses.replace(readers, faces=Nobody()), []
    for minutes in (1, 6):
        frames = [films.wall(64, 48)] * (60 * minutes + 1)
        path = write(f"long{minutes}.mkv", frames, films.silence(1500 * minutes), 1, sound_rate=16_000)
        found = []
        at_work = peak(lambda path=path, found=found: found.extend(Video(path, path.name, settings, blind).sort()))
        at_end = peak(lambda path=path, minutes=minutes: Sound(path, 0.0).read(1500 * minutes - 50, 50))
        held.append((at_work, at_end))
        (dropped,) = found
        assert dropped.refusal.reason == "no face"
        assert dropped.refusal.end == pytest.approx(60 * minutes + 1, abs=0.1)
    assert held[1][0] < 1.2 * held[0][0] + 2**20 and held[1][1] < 1.2 * held[0][1] + 2**20
