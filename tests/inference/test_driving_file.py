"""Driving videos of every kind end as steady squares at 25 fps, or as one clear line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from video_matrix import turn_clockwise

from vasa_jax.errors import UserError
from vasa_jax.inference import driving_file
from vasa_jax.inference.crop import crop_centre, largest_face, square_around, steady_square
from vasa_jax.inference.driving_file import open_driving
from vasa_jax.inference.media_warning import MediaWarning
from vasa_jax.inference.speech_file import open_sound_track
from vasa_jax.inference.video_frames import EARLY, at_frame_rate

FACE = Path(__file__).parent / "face.jpg"


@pytest.fixture(scope="module")
def face():
    return np.asarray(Image.open(FACE))


def grey_frames(levels, size=64):
    return [np.full((size, size, 3), level, np.uint8) for level in levels]


def refusal(call, *args):
    with pytest.raises(UserError) as error:
        call(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("fps", "count", "expected"),
    [
        (25, 4, [0, 1, 2, 3]),
        (50, 8, [0, 2, 4, 6]),
        (12.5, 3, [0, 0, 1, 1, 2, 2]),
        (30, 6, [0, 1, 2, 4, 5]),
        (30, 60, [(6 * k + 2) // 5 for k in range(50)]),
        (30_000 / 1001, 60, None),
        (24, 48, None),
    ],
)
def test_the_nearest_frames_25_times_a_second(fps, count, expected):
    shown = list(at_frame_rate(((3.0 + k / fps, k) for k in range(count)), 1 / fps))
    if expected is None:
        expected = [min(round((k / 25 - EARLY) * fps), count - 1) for k in range(int(np.ceil(25 * count / fps - 1e-2)))]
    assert shown == expected


@pytest.mark.parametrize("fps", [12.0, 15.0, 24_000 / 1001, 24.0, 30_000 / 1001, 30.0, 48.0, 60.0])
def test_on_the_mean_frames_are_neither_early_nor_late(fps):
    """So that lips stay with their sound: the error is even, and no more than half a frame of the video."""
    times = np.array(list(at_frame_rate(((k / fps, k / fps) for k in range(int(20 * fps))), 1 / fps)))
    late = np.arange(len(times))[:-3] / 25 - times[:-3]
    assert abs(late.mean()) < 4e-3 and np.abs(late).max() < 0.5 / fps + 2e-3


def test_what_does_not_change_is_held_until_its_end():
    """A recording of a screen has a picture where something happens, and none is shown before its time."""
    timed = [(0.0, "a"), (2.0, "b"), (2.04, "c")]
    assert list(at_frame_rate(timed, 2.08 / 3)) == ["a"] * 50 + ["b"] + ["c"] * 18


def test_a_varying_rate_keeps_its_times():
    assert list(at_frame_rate([(0.0, "a"), (0.05, "b"), (0.2, "c"), (0.21, "d")], 0.04)) == ["a", *"bbbb", "c", "d"]


def test_a_jump_in_time_is_told():
    message = refusal(list, at_frame_rate([(0.0, "a"), (0.5, "b"), (5000.0, "c")], 0.04))
    assert message == "the time stamps of the video jump by 5000 s after 0.5 s"


def test_two_seconds_at_30_fps_are_50_frames_in_their_places(write_clip):
    levels = 20 + 3 * np.arange(60)
    video = open_driving(write_clip("a.mp4", grey_frames(levels), 30), crop=False)
    frames = np.stack(list(video.frames(32)))
    assert frames.shape == (50, 32, 32, 3) and video.expected_frames == 50
    np.testing.assert_allclose(frames.mean((1, 2, 3)), levels[(6 * np.arange(50) + 2) // 5], atol=1.4)


def test_a_pass_may_be_repeated_and_left(write_clip):
    video = open_driving(write_clip("a.mp4", grey_frames(range(0, 200, 20)), 25), crop=False)
    first = next(video.frames(16))
    np.testing.assert_array_equal(next(video.frames(16)), first)
    assert len(list(video.frames(16))) == 10


def test_a_phones_rotation_is_honoured(write_clip):
    stored = np.zeros((64, 96, 3), np.uint8)
    stored[:, :48] = 200  # bright on its left: shown turned clockwise, bright at the top
    path = turn_clockwise(write_clip("a.mp4", [stored] * 3, 25))
    shown = next(driving_file._pictures(path))
    assert shown.shape == (96, 64, 3)
    assert shown[:40].mean() > 190 and shown[56:].mean() < 10


def test_the_face_is_held_in_one_square(write_clip, face):
    """The head goes to the right; the square stays, and frames the head's middle place as a portrait."""
    wide = [np.full((320, 480, 3), 90, np.uint8) for _ in range(30)]
    for index, picture in enumerate(wide):
        picture[:, 2 * index : 2 * index + 320] = face
    video = open_driving(write_clip("a.mp4", wide, 25))
    (x, y), side = square_around(largest_face(face))
    # Looks at frames 0, 10 and 20: the median is the one at 10, 20 pixels to the right.
    np.testing.assert_allclose([*video.square[0], video.square[1]], [x + 20, y, side], atol=0.04 * side)
    assert len({frame.shape for frame in video.frames(64)}) == 1


def test_one_false_or_missing_face_moves_nothing(face):
    canvas = np.full((320, 700, 3), 90, np.uint8)
    canvas[:, :320] = face
    elsewhere = np.full((320, 700, 3), 90, np.uint8)
    elsewhere[:, 380:] = face
    empty = np.full((320, 700, 3), 90, np.uint8)
    assert steady_square([empty, canvas, elsewhere, empty, canvas]) == steady_square([canvas])
    assert steady_square([empty, empty]) is None
    both = np.maximum(canvas, elsewhere)
    with pytest.warns(MediaWarning, match="2 faces in the driving video; the largest is taken"):
        steady_square([both])


def test_looking_stops_once_enough_was_seen(face):
    looked = iter([face] * 20)
    steady_square(looked)
    assert len(list(looked)) == 11


def test_centre_without_cropping(write_clip, picture):
    frames = [picture[:90, :120]] * 3
    video = open_driving(write_clip("a.mp4", frames, 25), crop=False)
    difference = np.abs(next(video.frames(64)).astype(int) - crop_centre(picture, 64))
    assert difference.mean() < 4


@pytest.mark.parametrize("begins", [0.0, 0.5])
def test_sound_stays_in_time_with_the_pictures(write_clip, begins):
    """A click 1 s after the sound begins, which is `begins` after the first frame."""
    sound = np.zeros(32_000, np.float32)
    sound[16_000:16_400] = 0.8
    path = write_clip("a.mkv", grey_frames([90] * 75), 25, sound, begins)
    sound = open_sound_track(path, open_driving(path, crop=False).start)
    track = sound.samples()
    assert sound.rate == 16_000 and track.shape == (sound.length,)
    assert abs(np.argmax(track > 0.3) / sound.rate - 1.0 - begins) < 0.07  # AAC's frames are 64 ms long


def test_a_later_start_cuts_the_sound(write_clip):
    sound = np.linspace(0, 0.9, 32_000, dtype=np.float32)
    path = write_clip("a.mp4", grey_frames([90] * 50), 25, sound)
    whole, later = (open_sound_track(path, start).samples() for start in (0.0, 0.5))
    np.testing.assert_array_equal(later, whole[8_000:])


def test_no_sound_is_none(write_clip):
    assert open_sound_track(write_clip("a.mp4", grey_frames([90] * 5), 25), 0.0) is None


def test_videos_that_are_refused(write_clip, tmp_path, speech_file):
    missing, empty, words = (tmp_path / name for name in ("none.mp4", "empty.mp4", "words.mp4"))
    empty.write_bytes(b"")
    words.write_text("This is no video.\n" * 100)
    assert refusal(open_driving, missing) == f"no such video file: {missing}"
    assert refusal(open_driving, tmp_path) == f"no such video file: {tmp_path}"
    assert refusal(open_driving, empty) == f"the video file is empty: {empty}"
    assert refusal(open_driving, words) == f"not a video that can be read: {words}"
    assert refusal(open_driving, speech_file) == f"there is sound but no picture in: {speech_file}"
    single = "the video has a single frame; for a still, give a picture as --expression_from"
    short = write_clip("short.mp4", grey_frames([90]), 25)
    assert refusal(open_driving, short) == f"{single}: {short}"
    assert refusal(open_driving, FACE) == f"{single}: {FACE}"
    faceless = write_clip("grey.mp4", grey_frames([90] * 12), 25)
    assert refusal(open_driving, faceless) == (
        "no face was found in the first 10 s; if the video is framed tightly around a face, add --no_crop_driving: "
        f"{faceless}"
    )


def test_cut_and_damaged_files(write_clip):
    noise = np.random.default_rng(0).integers(0, 255, (60, 64, 64, 3), np.uint8)
    path = write_clip("a.mp4", noise, 25, movflags="+faststart")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    cut = open_driving(path, crop=False)
    with pytest.warns(MediaWarning, match=r"the video has \d+ of 60 frames, it may be cut short: .*a.mp4"):
        assert 10 < len(list(cut.frames(16))) < 50
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))
    assert refusal(list, open_driving(path, crop=False).frames(16)) == f"the video is damaged: {path}"
    path.write_bytes(whole[:400])
    assert refusal(open_driving, path) == f"not a video that can be read: {path}"
