"""Sound of videos: at its time whatever the file does, in order, in pieces."""

import films
import numpy as np
import pytest

from vasa_jax.data.videos.sound import Sound
from vasa_jax.inference.video_frames import read_header

GREY = [np.full((48, 64, 3), 90, np.uint8)] * 60


@pytest.fixture(scope="module")
def ticks() -> np.ndarray:
    """2.4 s at 16 kHz with a short tone at 0.5, 1.0, 1.5 and 2.0 s."""
    sound = films.silence(60)
    for second in (0.5, 1.0, 1.5, 2.0):
        place = round(16_000 * second)
        sound[place : place + 400] = 0.6 * np.sin(np.arange(400) * 0.4)
    return sound


def begins(audio: np.ndarray) -> list[float]:
    """When tones begin, in seconds."""
    loud = np.flatnonzero(np.abs(audio) > 0.2)
    return (loud[np.flatnonzero(np.diff(loud, prepend=-9999) > 2000)] / 16_000).tolist()


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
@pytest.mark.parametrize("late", [0.0, 0.3])
def test_tones_are_within_20_ms(ticks, tmp_path, rate, late):
    path = films.write(tmp_path / "a.mkv", GREY, ticks, sound_rate=rate, sound_start=late)
    found = Sound(path, read_header(path)[0]).read(0, 60)
    assert found.shape == (60 * 640,) and found.dtype == np.float32
    np.testing.assert_allclose(begins(found), [t + late for t in (0.5, 1.0, 1.5, 2.0) if t + late < 2.4], atol=0.02)


def test_pieces_are_the_whole(ticks, tmp_path):
    path = films.write(tmp_path / "a.mkv", GREY, ticks)
    whole = Sound(path, 0.0).read(0, 60)
    sound = Sound(path, 0.0)
    pieces = [sound.read(first, count) for first, count in ((3, 10), (13, 2), (40, 20))]
    for piece, (first, count) in zip(pieces, ((3, 10), (13, 2), (40, 20)), strict=True):
        np.testing.assert_array_equal(piece, whole[640 * first : 640 * (first + count)])
    with pytest.raises(ValueError, match="frame 30 has passed"):
        sound.read(30, 5)


def test_silence_behind_the_end_and_without_a_track(ticks, tmp_path):
    short = Sound(films.write(tmp_path / "a.mkv", GREY, ticks[:16_000]), 0.0)
    assert short.exists and not np.abs(short.read(40, 30)).max()
    mute = Sound(films.write(tmp_path / "b.mkv", GREY, None), 0.0)
    assert not mute.exists and not np.abs(mute.read(0, 10)).max()


def test_sound_before_the_first_picture_is_left_out(ticks, tmp_path):
    path = films.write(tmp_path / "a.mkv", GREY, ticks, times=[0.4 + k / 25 for k in range(60)])
    start = read_header(path)[0]
    assert start == pytest.approx(0.4, abs=0.01)
    np.testing.assert_allclose(begins(Sound(path, start).read(0, 40)), [0.1, 0.6, 1.1], atol=0.02)
