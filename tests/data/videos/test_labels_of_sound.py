import numpy as np
import pytest
import soundfile

from vasa_jax import pretrained
from vasa_jax.data.videos import labels
from vasa_jax.data.videos.labels import sync, tables
from vasa_jax.data.videos.labels.sound import MUSIC
from vasa_jax.errors import UserError
from vasa_jax.evaluation.sound_shift import moved
from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    count = int(seconds * SAMPLE_RATE)
    return (np.random.default_rng(seed).normal(size=count) * level).astype(np.float32)


def chords(seconds: float) -> np.ndarray:
    """Two triads with overtones, half a second each in turn."""
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    roots = np.where((times * 2).astype(int) % 2, 220.0, 261.6)
    waves = [
        np.sin(2 * np.pi * roots * part * overtone * times) / overtone
        for part in (1, 1.25, 1.5)
        for overtone in (1, 2, 3)
    ]
    return (0.05 * np.sum(waves, 0)).astype(np.float32)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """The bundled sentence at 16 kHz, whole frames."""
    audio, rate = soundfile.read(pretrained.speech(), dtype="float32")
    assert rate == SAMPLE_RATE and audio.ndim == 1
    return audio[: len(audio) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME]


def test_speech_is_heard_between_the_quiet_parts():
    audio = np.concatenate([noise(1, 1e-4), noise(1), noise(1, 1e-4), noise(1), noise(1, 1e-4)])
    found = labels.speech_activity(audio)
    expected = np.repeat([False, True, False, True, False], 25)
    assert found.shape == (125,) and found.dtype == bool
    assert (found != expected).sum() <= 4


def test_short_pauses_belong_to_the_speech():
    audio = np.concatenate([noise(1, 1e-4), noise(1), noise(0.2, 1e-4), noise(1), noise(1, 1e-4)])
    assert labels.speech_activity(audio)[26:79].all()


def test_silence_hum_and_steady_noise_are_no_speech():
    times = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    hum = (0.3 * np.sin(2 * np.pi * 50 * times) * (1 + np.sin(2 * np.pi * times))).astype(np.float32)
    for audio in (np.zeros(4 * SAMPLE_RATE, np.float32), noise(4), noise(4, 1e-5), hum):
        assert not labels.speech_activity(audio).any()
    assert labels.speech_activity(np.zeros(100, np.float32)).shape == (0,)


def test_loudness_changes_nothing(speech):
    np.testing.assert_array_equal(labels.speech_activity(speech * 0.2), labels.speech_activity(speech))
    assert labels.music_share(speech * 0.2) == pytest.approx(labels.music_share(speech), abs=0.02)
    assert labels.speech_activity(speech).mean() > 0.6


def test_music_is_told_from_speech_and_under_it(speech):
    music = chords(len(speech) / SAMPLE_RATE)[: len(speech)]
    assert labels.music_share(speech) < MUSIC / 2
    assert labels.music_share(music) > 0.9
    quiet = music * speech.std() / music.std() * 10 ** (-10 / 20)
    assert labels.music_share(speech + quiet) > MUSIC
    assert labels.music_share(noise(3)) < 0.02


def test_silence_has_no_share_of_music():
    for seconds in (0.05, 3):
        assert np.isnan(labels.music_share(np.zeros(int(seconds * SAMPLE_RATE), np.float32)))


def wandering(count: int = 200, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=count + 8)
    return np.convolve(raw, np.hanning(9), "valid")


@pytest.mark.parametrize("late", [-9, -1, 0, 4, 15])
def test_a_shift_is_found_exactly(late):
    curve = wandering()
    heard = np.roll(curve, late) * -0.01 + 3
    offset, confidence = labels.offset_of_curves(curve[20:170], -heard[20:170])
    assert offset == pytest.approx(late, abs=0.1) and confidence == pytest.approx(1, abs=1e-3)


def test_a_shift_between_frames_is_found():
    fine = wandering(2000)
    fine = np.convolve(fine, np.hanning(60), "same")
    offset, _ = labels.offset_of_curves(fine[100:1700:10], fine[65:1665:10])
    assert offset == pytest.approx(3.5, abs=0.15)


def test_frames_without_a_face_are_left_out():
    curve = wandering()
    seen = curve.copy()
    seen[40:110] = np.nan
    offset, confidence = labels.offset_of_curves(seen, np.roll(curve, 6))
    assert offset == pytest.approx(6, abs=0.1) and confidence > 0.98


def test_what_never_moves_or_is_too_short_has_no_offset():
    for seen, heard in (
        (np.ones(100), wandering(100)),
        (wandering(20), wandering(20)),
        (np.full(60, np.nan), wandering(60)),
    ):
        assert np.isnan(labels.offset_of_curves(seen, heard)).all()


def test_strange_curves_are_not_trusted():
    found = [labels.offset_of_curves(wandering(150, i), wandering(150, i + 50))[1] for i in range(20)]
    assert np.mean(np.array(found) < sync.TRUSTED) > 0.9


def test_the_ear_hears_when_the_lips_open(speech):
    read = labels.SyncReader()
    lips = read.lips_heard(speech)
    assert lips.shape == (len(speech) // SAMPLES_PER_FRAME,)
    quiet = ~labels.speech_activity(speech)
    if quiet.sum() > 5:
        assert lips[quiet].mean() < lips[~quiet].mean()
    for late in (-7, 0, 5):
        offset, confidence = read(lips, moved(speech, late))
        assert offset == pytest.approx(late, abs=1) and confidence > 0.8


def test_another_ear_than_the_measured_one_is_refused(monkeypatch):
    """When other weights ship, the read-out must be measured again."""
    monkeypatch.setattr(tables, "ear_of_tables", lambda: "00000000")
    with pytest.raises(UserError, match=r"belongs to another speech encoder.*data\.videos\.labels\.fit"):
        labels.SyncReader()
