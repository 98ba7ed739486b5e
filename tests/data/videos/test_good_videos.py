"""Rendered people in videos of many kinds become clips whose labels are near the exact ones."""

from fractions import Fraction

import films
import numpy as np
import pytest
from video_matrix import turn_clockwise

from vasa_jax.data import clips
from vasa_jax.types import SAMPLES_PER_FRAME

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def good(talks, faces, tmp_path_factory):
    """A video at an odd rate, and the record that it was made from."""
    path = tmp_path_factory.mktemp("good") / "good.mp4"
    rate = Fraction(30_000, 1001)
    return films.write(path, films.scene(faces[0], float(rate)), talks[0]["audio"], rate), talks[0]


@pytest.fixture(scope="module")
def clip(good, sort):
    (clip,), refused = sort(good[0])
    assert not refused
    return clip


def known(clip) -> dict[str, str]:
    return dict(zip(clip["sources"]["label"], clip["sources"]["source"], strict=True))


def test_labels_are_near_the_exact_ones(good, clip):
    """The bars of pose and openness for one clip; gaze, whose spread within a clip is small, by its mean error."""
    true, count = good[1], len(clip["frames"])
    assert abs(count - len(true["pose"])) <= 1
    error = np.degrees(np.abs(clip["pose"][:, :3] - true["pose"][:count, :3]))
    assert (np.median(error, 0) < (4, 6, 2)).all(), "pitch has an offset that depends on the face"
    centred = np.degrees(clip["pose"][:, 1] - true["pose"][:count, 1])
    assert np.abs(centred - np.median(centred)).mean() < 2
    assert np.corrcoef(clip["lip_opening"], true["lip_opening"][:count])[0, 1] > 0.8
    assert np.degrees(np.abs(clip["gaze"] - true["gaze"][:count])).mean() < 8
    assert np.linalg.norm(clip["landmarks"] - true["landmarks"][:count], axis=-1).mean() < 0.12


def test_the_head_is_framed_as_everywhere(good, clip):
    """In the canonical framing, the median head is in the middle and of scale 1."""
    place = np.median(clip["pose"], 0)
    np.testing.assert_allclose(place[[3, 4]], 0, atol=0.03)
    assert place[6] == pytest.approx(1, abs=0.02)
    true = np.median(good[1]["pose"], 0)
    wanted = films.FACE / true[6]
    assert clip["square"][2] == pytest.approx(wanted, rel=0.15)
    images = clips.decode_frames(clip, [0, 20])
    assert images.shape == (2, 128, 128, 3)


def test_the_sound_is_in_time(good, clip):
    """To less than a sixteenth of a frame."""
    true, found = good[1]["audio"], clip["audio"]
    assert len(found) == SAMPLES_PER_FRAME * len(clip["frames"])
    middle = slice(8_000, 40_000)
    shifts = range(-320, 321, 8)
    likeness = [np.corrcoef(true[middle], np.roll(found, -shift)[middle])[0, 1] for shift in shifts]
    assert abs(shifts[int(np.argmax(likeness))]) <= 40
    assert max(likeness) > 0.95 and abs(clip["audio_offset"]) < 1.5


def test_what_is_not_known_is_absent(clip):
    labels = known(clip)
    assert {"expression", "emotion", "phones", "text"}.isdisjoint(labels)
    assert np.isnan(clip["expression"]).all() and np.isnan(clip["emotion"]).all()
    assert clip["phones"]["label"] == [] and labels["pose"] == "mediapipe"
    assert all(np.isfinite(clip[name]).all() for name in labels if name in clip)


@pytest.mark.parametrize(
    ("name", "rate", "changes"),
    [
        ("slow.mkv", 12, {}),
        ("fast.mp4", 60, {}),
        ("ten_bits.mkv", 25, {"pixels": "yuv420p10le"}),
        ("mpeg4.mkv", 25, {"codec": "mpeg4", "sound_rate": 48_000}),
        ("interlaced.mp4", 25, {"flags": "+ildct+ilme", "x264-params": "tff=1"}),
        ("late_sound.mkv", 25, {"sound_start": 0.7}),
    ],
)
def test_files_of_all_kinds_become_clips(talks, faces, tmp_path, sort, name, rate, changes):
    audio = talks[0]["audio"]
    late = round(changes.get("sound_start", 0) * 16_000)
    path = films.write(tmp_path / name, films.scene(faces[0], rate), audio[late:], rate, **changes)
    found, refused = sort(path, largest_offset=0.0)
    assert not refused
    assert abs(sum(len(clip["frames"]) for clip in found) - len(faces[0])) <= 2
    begins = np.flatnonzero(np.abs(found[0]["audio"]) > 0.02)[0]
    assert begins == pytest.approx(late + np.flatnonzero(np.abs(audio[late:]) > 0.02)[0], abs=320)


def test_a_phones_upright_video(talks, faces, tmp_path, sort):
    """Its pictures lie on their side, and the file says so."""
    frames = films.scene(faces[0], place=(30, 170), behind=films.wall(360, 640))
    lying = [np.rot90(frame) for frame in frames]
    path = turn_clockwise(films.write(tmp_path / "phone.mp4", lying, talks[0]["audio"]))
    (clip,), refused = sort(path)
    assert not refused and len(clip["frames"]) == len(frames)
    x, y, _ = clip["square"]
    assert (x, y) == pytest.approx((30 + films.FACE / 2, 170 + films.FACE / 2), abs=40)
    assert np.abs(np.degrees(np.median(clip["pose"][:, 2]))) < 10


def test_a_varying_rate_goes_by_its_times(talks, faces, tmp_path, sort):
    count = len(faces[0])
    kept = np.flatnonzero(np.random.default_rng(0).uniform(size=count) < 0.7)
    kept = np.union1d(kept, [0, count - 1])
    frames = films.scene(faces[0])
    path = films.write(
        tmp_path / "varying.mkv", [frames[k] for k in kept], talks[0]["audio"], times=(kept / 25).tolist()
    )
    (clip,), refused = sort(path)
    assert not refused and abs(len(clip["frames"]) - count) <= 1
    pose = talks[0]["pose"][: len(clip["frames"])]
    assert np.corrcoef(clip["pose"][:, 0], pose[:, 0])[0, 1] > 0.9


def test_long_videos_are_taken_apart(talks, faces, tmp_path, sort):
    frames, audio = films.scene(faces[0]), talks[0]["audio"]
    path = films.write(tmp_path / "long.mp4", frames, audio)
    found, refused = sort(path, longest=1.6, largest_offset=0.0, least_speech=0.0)
    assert not refused and len(found) > 1
    assert sum(len(clip["frames"]) for clip in found) == len(frames)
    assert all(25 <= len(clip["frames"]) <= 40 for clip in found)
    places = [round(clip["start"] * 25) for clip in found]
    assert places == np.cumsum([0, *(len(clip["frames"]) for clip in found[:-1])]).tolist()
    joined = np.concatenate([clip["audio"] for clip in found])
    assert np.corrcoef(joined, audio[: len(joined)])[0, 1] > 0.95
