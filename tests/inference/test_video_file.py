"""Written videos have the right length, colours and sound, and appear whole or not at all."""

from itertools import chain, islice, repeat

import av
import numpy as np
import pytest

from vasa_jax.errors import UserError
from vasa_jax.inference.output_file import check_target
from vasa_jax.inference.video import Video
from vasa_jax.inference.video_file import check_size, default_size, write_video
from vasa_jax.provenance.label import Label

COLOURS = [(200, 60, 40), (40, 180, 60), (50, 60, 190)]


def plain_frames(count, size=64):
    return np.stack([np.full((size, size, 3), COLOURS[k % 3], np.uint8) for k in range(count)])


def read_back(path):
    """Frames (T, S, S, 3), samples (n, channels), sample rate, and seconds of video and of sound."""
    with av.open(path) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        seconds = [float(stream.duration * stream.time_base) for stream in (video, sound)]
        assert video.average_rate == 25 and video.codec_context.pix_fmt == "yuv420p"
        assert (video.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video)])
        container.seek(0)
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(sound)], 1).T
        return frames, samples, sound.rate, seconds


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_length_sound_and_synchrony(tmp_path, rate, channels):
    audio = np.zeros((round(1.97 * rate), channels), np.float32)
    audio[rate : rate + rate // 10] = 0.5 * np.sin(np.arange(rate // 10) * 0.5)[:, None]
    Video(plain_frames(50), audio[:, 0] if channels == 1 else audio, rate).save(tmp_path / "a.mp4")
    frames, samples, read_rate, (video_seconds, sound_seconds) = read_back(tmp_path / "a.mp4")
    assert len(frames) == 50 and frames.shape[1:] == (256, 256, 3)
    assert video_seconds == 2.0 and abs(sound_seconds - 2.0) < 0.04
    assert read_rate == rate and samples.shape[1] == channels
    onset = np.argmax(np.abs(samples).max(1) > 0.2) / rate
    assert abs(onset - 1.0) < 0.04


@pytest.mark.parametrize("rate", [9_000, 192_000])
def test_other_rates_are_resampled(tmp_path, rate):
    audio = 0.3 * np.sin(np.arange(rate) * 2 * np.pi * 300 / rate).astype(np.float32)
    write_video(tmp_path / "a.mp4", plain_frames(25), audio, rate, fps=25, size=64)
    _, samples, read_rate, seconds = read_back(tmp_path / "a.mp4")
    assert read_rate == 48_000 and abs(seconds[1] - 1) < 0.04
    assert 290 < np.argmax(np.abs(np.fft.rfft(samples[:48_000, 0]))) < 310


def test_colours_survive(tmp_path):
    silence, label = np.zeros(3840, np.float32), Label("none")
    write_video(tmp_path / "a.mp4", plain_frames(6), silence, 16_000, fps=25, size=128, label=label)
    frames = read_back(tmp_path / "a.mp4")[0]
    for frame, colour in zip(frames, COLOURS * 2, strict=True):
        np.testing.assert_allclose(frame[20:-20, 20:-20].mean((0, 1)), colour, atol=4)


def test_sizes():
    assert [default_size(n) for n in (96, 255, 256, 257, 512)] == [256, 256, 256, 258, 512]
    assert check_size(64) == 64
    for wrong in (63, 65, 2050):
        with pytest.raises(UserError, match=f"an even number from 64 to 2048, not {wrong}"):
            check_size(wrong)


def refused_target(path):
    with pytest.raises(UserError) as error:
        check_target(path)
    return str(error.value)


def test_target_is_checked_without_a_trace(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "a.mp4").write_bytes(b"older")
    before = sorted(tmp_path.iterdir())
    assert check_target(tmp_path / "a.mp4") == tmp_path / "a.mp4"
    assert refused_target(tmp_path / "a.avi") == "the output ends in .mp4, not a.avi"
    assert refused_target(tmp_path / "folder.mp4").startswith("the output is a folder")
    missing = tmp_path / "none" / "a.mp4"
    assert refused_target(missing) == f"the output cannot be written (No such file or directory): {missing}"
    assert refused_target("/proc/a.mp4").startswith("the output cannot be written")
    assert sorted(tmp_path.iterdir()) == before and (tmp_path / "a.mp4").read_bytes() == b"older"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_no_half_file_after_an_error(tmp_path, error):
    def failing():
        yield from plain_frames(3)
        raise error

    (tmp_path / "a.mp4").write_bytes(b"older")
    with pytest.raises(error):
        write_video(tmp_path / "a.mp4", failing(), np.zeros(9999, np.float32), 16_000, fps=25, size=64)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"older"


def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vasa_jax.inference.output_file.os.replace", full)
    with pytest.raises(UserError, match="could not be written \\(No space left on device\\)"):
        write_video(tmp_path / "a.mp4", plain_frames(3), np.zeros(1920, np.float32), 16_000, fps=25, size=64)
    assert not list(tmp_path.iterdir())


def test_frames_may_come_from_a_generator(tmp_path):
    frames = chain(plain_frames(2), islice(repeat(plain_frames(1)[0]), 8))
    write_video(tmp_path / "a.mp4", frames, np.zeros(6400, np.float32), 16_000, fps=25, size=64)
    assert len(read_back(tmp_path / "a.mp4")[0]) == 10
