"""Sound in blocks is the sound in one piece, to the bit."""

import numpy as np
import pytest
import soundfile
import soxr

from vasa_jax.inference import sound, speech_file
from vasa_jax.inference.sound import Sound, Supply
from vasa_jax.inference.speech_file import check_speech, model_audio, open_speech
from vasa_jax.inference.video_file import write_video
from vasa_jax.provenance.record import hash_array


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    for module in (sound, speech_file):
        monkeypatch.setattr(module, "BLOCK", 1000)


def noise(rate=16_000, seconds=0.7, channels=1, loud=0.3):
    shape = (round(rate * seconds),) if channels == 1 else (round(rate * seconds), channels)
    return (loud * np.random.default_rng(0).normal(size=shape)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_at_hand(channels):
    samples = noise(channels=channels)
    given = Sound.of(samples, 16_000)
    assert len(list(given.read())) == 12 and given.frames == 18 and given.shape == samples.shape
    np.testing.assert_array_equal(given.samples(), samples)
    assert given.digest() == hash_array(samples)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize("loud", [0.1, 3.0])
def test_a_file_is_read_again_and_again(tmp_path, name, channels, loud):
    """As check_speech leaves the whole: mixed, and no louder than full scale."""
    subtype = {"a.wav": "FLOAT", "a.flac": "PCM_16", "a.ogg": "VORBIS"}[name]
    soundfile.write(tmp_path / name, noise(44_100, channels=channels, loud=loud), 44_100, subtype=subtype)
    whole = check_speech(*soundfile.read(tmp_path / name, dtype="float32"))
    opened = open_speech(tmp_path / name)
    assert len(list(opened.read())) > 20 and opened.shape == whole.shape
    for _ in range(2):
        np.testing.assert_allclose(opened.samples(), whole, atol=1e-6)
    assert opened.digest() == hash_array(opened.samples())


def test_a_sound_track_that_ffmpeg_reads(tmp_path):
    frames = [np.zeros((64, 64, 3), np.uint8)] * 25
    write_video(tmp_path / "a.mp4", frames, noise(seconds=1.0, channels=2), 16_000, fps=25, size=64)
    opened = open_speech(tmp_path / "a.mp4")
    assert opened.rate == 16_000 and opened.channels == 2 and abs(opened.length - 16_000) < 2100
    assert len(list(opened.read())) > 10
    np.testing.assert_array_equal(opened.samples(), opened.samples())


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_networks_hear_what_they_would_hear_of_the_whole(rate, channels):
    samples = noise(rate, channels=channels)
    mono = samples if channels == 1 else samples.mean(1)
    expected = mono if rate == 16_000 else soxr.resample(mono, rate, 16_000)
    np.testing.assert_array_equal(np.concatenate(list(Sound.of(samples, rate).heard())), expected)
    audio = model_audio(samples, rate)
    assert audio.shape == (18 * 640,) and not audio[len(expected) :].any()
    np.testing.assert_array_equal(audio[: len(expected)], expected)


def test_supply_gives_any_amount_and_then_silence():
    samples = noise()
    supply = Supply(Sound.of(samples, 16_000).read())
    pieces = [supply.take(count) for count in (0, 1, 999, 1000, 3500, 2, 5698, 10)]
    np.testing.assert_array_equal(np.concatenate(pieces), np.pad(samples, (0, 10)))
    stereo = Supply(iter([]), (2,))
    assert stereo.take(3).shape == (3, 2) and not stereo.take(5).any()
