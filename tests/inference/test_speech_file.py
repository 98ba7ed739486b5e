"""Every kind of sound ends as finite samples, or as one clear line."""

import av
import numpy as np
import pytest
import soundfile

from vasa_jax.errors import UserError
from vasa_jax.inference.media_warning import MediaWarning
from vasa_jax.inference.sound import Sound
from vasa_jax.inference.speech_file import check_speech, model_audio, read_speech

RATES = [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000]


def sine(rate, seconds=0.5, hertz=440.0):
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def refusal(call, *args):
    with pytest.raises(UserError) as error:
        call(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def saved(tmp_path):
    def save(samples, rate=16_000, name="a.wav", **options):
        soundfile.write(tmp_path / name, samples, rate, **options)
        return tmp_path / name

    return save


@pytest.mark.parametrize("rate", RATES)
def test_every_rate_is_heard_alike(saved, rate):
    samples, read_rate = read_speech(saved(sine(rate), rate, subtype="FLOAT"))
    assert read_rate == rate and Sound.of(samples, rate).frames == 13
    audio = model_audio(samples, rate)
    assert audio.shape == (13 * 640,) and audio.dtype == np.float32
    np.testing.assert_allclose(audio[500:7500], sine(16_000)[500:7500], atol=0.02)
    assert not audio[8000:].any()


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_formats_of_libsndfile(saved, name):
    samples, rate = read_speech(saved(sine(44_100), 44_100, name))
    assert rate == 44_100 and abs(len(samples) - 22_050) < 3000 and 0.3 < np.abs(samples).max() < 0.5


def test_sound_track_of_a_video_is_read_by_ffmpeg(tmp_path):
    path = tmp_path / "a.m4a"
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([sine(48_000)] * 2), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    samples, rate = read_speech(path)
    assert rate == 48_000 and samples.shape[1:] == (2,) and abs(len(samples) - 24_000) < 2100
    np.testing.assert_allclose(np.abs(samples).max(), 0.4, atol=0.05)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "DOUBLE"])
def test_sample_types(saved, subtype):
    samples, _ = read_speech(saved(sine(16_000), subtype=subtype))
    np.testing.assert_allclose(samples, sine(16_000), atol=0.01)


def test_stereo_stays_and_is_heard_as_its_mean(saved):
    left = sine(16_000)
    samples, rate = read_speech(saved(np.stack([left, 0 * left], 1), subtype="FLOAT"))
    assert samples.shape == (8000, 2)
    np.testing.assert_allclose(model_audio(samples, rate)[:8000], left / 2, atol=1e-6)


def test_surround_is_mixed_and_keeps_the_centre(saved):
    channels = np.zeros((8000, 6), np.float32)
    channels[:, 2] = sine(16_000)
    samples, _ = read_speech(saved(channels, subtype="FLOAT"))
    np.testing.assert_allclose(samples, sine(16_000) * np.sqrt(0.5), atol=1e-5)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint8, np.float64])
def test_arrays_of_any_number_type(kind):
    wave = sine(16_000)
    if kind is np.uint8:
        given = np.round(wave * 127 + 128).astype(kind)
    else:
        given = (wave if kind is np.float64 else wave * np.iinfo(kind).max).astype(kind)
    checked = check_speech(given, 16_000)
    assert checked.dtype == np.float32
    np.testing.assert_allclose(checked, wave, atol=0.01)


def test_louder_than_full_scale_is_scaled_down():
    np.testing.assert_allclose(check_speech(10 * sine(16_000), 16_000), sine(16_000) / sine(16_000).max(), atol=1e-5)


def test_silence_passes_with_a_warning():
    with pytest.warns(MediaWarning, match="the audio is silent; the head will rest"):
        assert not check_speech(np.zeros(16_000), 16_000).any()


def test_length_of_exactly_one_frame_is_enough():
    assert Sound.of(check_speech(sine(16_000, 0.04), 16_000), 16_000).frames == 1


def test_arrays_that_are_refused():
    wave = sine(16_000)
    assert refusal(check_speech, wave[:639], 16_000) == "the audio lasts 39.9 ms; give at least one frame, 40 ms"
    assert refusal(check_speech, wave[:80], 16_000) == "the audio lasts 5.0 ms; give at least one frame, 40 ms"
    assert refusal(check_speech, wave[:0], 16_000) == "the audio is empty"
    assert refusal(check_speech, wave, 7_999) == "the audio has a rate of 7999 Hz; give one from 8000 to 192000 Hz"
    assert refusal(check_speech, wave, 192_001).startswith("the audio has a rate of 192001 Hz")
    for bad in (np.nan, np.inf):
        broken = np.where(np.arange(len(wave)) == 77, bad, wave)
        expected = "the audio holds values that are not numbers (NaN or infinite)"
        assert refusal(check_speech, broken, 16_000) == expected
    for wrong in (wave[None, None], wave.astype(complex), np.array(["a"] * 8000)):
        assert refusal(check_speech, wrong, 16_000).startswith("audio is an array (samples,)")


def test_files_that_are_refused(saved, tmp_path):
    assert refusal(read_speech, tmp_path / "none.wav") == f"no such audio file: {tmp_path / 'none.wav'}"
    empty, noise, picture = (tmp_path / name for name in ("empty.wav", "noise.wav", "no_sound.mp4"))
    empty.write_bytes(b"")
    assert refusal(read_speech, empty) == f"the audio file is empty: {empty}"
    noise.write_bytes(np.random.default_rng(0).bytes(5000))
    assert refusal(read_speech, noise) == f"no audio that can be read in: {noise}"
    with av.open(picture, "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    assert refusal(read_speech, picture) == f"no audio that can be read in: {picture}"
    header_only = saved(np.zeros(0, np.float32))
    assert refusal(read_speech, header_only) == "the audio is empty"
    broken = saved(np.full(16_000, np.nan, np.float32), subtype="FLOAT", name="nan.wav")
    assert "NaN" in refusal(read_speech, broken)
