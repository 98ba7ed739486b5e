import numpy as np
from toys import FRAMES, make_record

from vasa_jax.data import windows
from vasa_jax.speech import PHONES
from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME


def tone(frames, start, end):
    """A clip that is silent but for a tone, which the label "AA" marks."""
    times = np.arange(frames * SAMPLES_PER_FRAME) / SAMPLE_RATE
    audio = np.where((times >= start) & (times < end), np.sin(2 * np.pi * 440 * times), 0)
    return windows.speech_of(
        {"audio": audio.astype(np.float32), "phones": {"label": [b"AA"], "start": [start], "end": [end]}}
    )


def loud_slots(audio):
    return np.abs(audio.reshape(-1, SAMPLES_PER_FRAME // 2)).mean(1) > 0.3


def test_phones_stay_with_their_sound_at_any_speed_and_place():
    for frames in (20, 60):
        record = tone(frames, 0.2, 0.6)
        for seed in range(6):
            got = windows.SpeechWindows(30, speed=0.2)(record, np.random.default_rng(seed))
            assert got["audio"].shape == (30 * SAMPLES_PER_FRAME,) and got["phones"].shape == (30, 2)
            marked = got["phones"].reshape(-1) == PHONES.index("AA")
            assert (marked != loud_slots(got["audio"])).sum() <= 2
    assert marked.any() or loud_slots(got["audio"]).sum() == 0


def test_speed_moves_the_pitch():
    record = tone(60, 0.0, 2.4)
    pitches = set()
    for seed in range(4):
        audio = windows.SpeechWindows(30, speed=0.2)(record, np.random.default_rng(seed))["audio"]
        pitches.add(int(np.abs(np.fft.rfft(audio)).argmax()))
    assert len(pitches) > 1


def test_without_speed_the_middle_of_the_clip_is_taken():
    record = windows.speech_of(make_record(0))
    got = windows.SpeechWindows(4, speed=0.0)(record, np.random.default_rng(0))
    first = (FRAMES - 4) // 2 * SAMPLES_PER_FRAME
    np.testing.assert_array_equal(got["audio"], record["audio"][first : first + 4 * SAMPLES_PER_FRAME])


def encoded(frames):
    times = np.arange(frames, dtype=np.float32)
    return {
        "motion": np.stack([times, times], 1),
        "audio": times[:, None],
        "lip_opening": times,
        "gaze": np.zeros(2, np.float32),
        "distance": np.ones(1, np.float32),
        "emotion": np.zeros(6, np.float32),
    }


def test_motion_windows_have_the_frames_before_them():
    sample, starts = windows.MotionWindows(10, 4, first=0.3), set()
    for seed in range(60):
        got = sample(encoded(30), np.random.default_rng(seed))
        start = int(got["motion"][0, 0])
        starts.add(start)
        assert got["has_previous"] == (start > 0) and got["length"] == 10
        np.testing.assert_array_equal(got["motion"][:, 0], start + np.arange(10))
        np.testing.assert_array_equal(got["audio"][:, 0], got["motion"][:, 0])
        if start:
            np.testing.assert_array_equal(got["previous_motion"][:, 0], start - 4 + np.arange(4))
            np.testing.assert_array_equal(got["previous_audio"][:, 0], got["previous_motion"][:, 0])
    assert 0 in starts and max(starts) == 20 and not starts & {1, 2, 3}


def test_a_clip_shorter_than_the_window_says_so():
    got = windows.MotionWindows(10, 4)(encoded(6), np.random.default_rng(0))
    assert got["length"] == 6 and not got["has_previous"]
    np.testing.assert_array_equal(got["motion"][:, 0], [0, 1, 2, 3, 4, 5, 5, 5, 5, 5])


def test_motion_is_standardised():
    record = {**make_record(0), "motion": np.full((FRAMES, 3), 5.0), "audio_features": np.zeros((FRAMES, 2))}
    kept = windows.motion_of(record, mean=np.array([1.0, 5.0, 3.0]), std=np.array([2.0, 1.0, 4.0]))
    np.testing.assert_allclose(kept["motion"][0], [2, 0, 0.5])
    assert kept["distance"].shape == (1,) and kept["gaze"].shape == (2,)


def test_main_gaze_is_the_mode_and_not_the_mean():
    gaze = np.array([[0.0, 0.0]] * 6 + [[0.5, 0.3]] * 4, np.float32)
    np.testing.assert_allclose(windows.main_gaze(gaze), [0, 0], atol=1e-6)
