"""Speech of any length: the same frames as in one piece, little in memory, no stage outlives a fault of another."""

import resource
import signal
import subprocess
import sys
import threading
import time

import jax
import numpy as np
import pytest
import soundfile

from vasa_jax.errors import UserError
from vasa_jax.inference import command, video_file
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.performance import SEGMENTS_AHEAD
from vasa_jax.inference.sound import BLOCK, Sound
from vasa_jax.inference.speech_file import model_audio
from vasa_jax.inference.speech_programs import SEGMENT_WINDOWS
from vasa_jax.motion import Sampling, make_sampler
from vasa_jax.types import SAMPLES_PER_FRAME

SEGMENT = SEGMENT_WINDOWS * 10  # frames, of the random checkpoint


@pytest.fixture(scope="module")
def animator(random_checkpoint):
    return Animator(random_checkpoint)


@pytest.fixture
def long_tone(tone):
    """5.05 s: three whole segments and a part."""
    return np.tile(tone, 5) * np.linspace(0.2, 1, 5 * len(tone), dtype=np.float32)


def running():
    return {thread.name for thread in threading.enumerate()} & {"sample", "decode", "batch"}


def in_one_piece(animator, picture, samples, steps):
    """Frames by the programs themselves: all features, then all motion, then all frames."""
    checkpoint, params = animator.checkpoint, animator.checkpoint.params
    speech, wanted, frames = checkpoint.models.speech, Controls(steps=steps), Sound.of(samples, 16_000).frames
    segments = -(-frames // SEGMENT)
    audio = np.pad(model_audio(samples, 16_000), (0, (segments * SEGMENT - frames) * SAMPLES_PER_FRAME))
    features = jax.jit(lambda audio: speech.apply({"params": params["speech"]}, audio))(audio[None])
    sample = make_sampler(checkpoint.models.motion, sampling=Sampling(steps), windows=SEGMENT_WINDOWS * segments)
    motion, _ = sample(
        {"params": params["motion"]}, features, np.array([frames]), **wanted.arrays(1.1), key=jax.random.key(0)
    )  # fmt: skip
    return animator.draw(picture, np.asarray(motion[0])[:frames], crop=False)


@pytest.mark.slow
def test_one_segment_is_the_same_to_the_bit(animator, picture, tone):
    frames = animator.animate(picture, tone, 16_000, steps=3, crop=False).frames
    np.testing.assert_array_equal(frames, in_one_piece(animator, picture, tone, 3))


def test_many_segments_are_the_same_but_for_rounding(animator, picture, long_tone):
    frames = animator.animate(picture, long_tone, 16_000, steps=3, crop=False).frames
    assert len(frames) == 127 > 3 * SEGMENT
    difference = np.abs(frames.astype(int) - in_one_piece(animator, picture, long_tone, 3))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01


class Endless:
    """Ten hours of speech that nobody has stored; counts what was read of it."""

    def __init__(self):
        self.read_samples = 0

    def blocks(self):
        generator = np.random.default_rng(0)
        while True:
            self.read_samples += BLOCK
            yield generator.uniform(-0.3, 0.3, BLOCK).astype(np.float32)

    def sound(self):
        return Sound(self.blocks, 16_000, 36_000 * 16_000)


def test_little_is_read_ahead_and_leaving_ends_all(animator, picture, monkeypatch):
    endless = Endless()
    monkeypatch.setattr(Sound, "digest", lambda sound: "0" * 64)
    with animator.perform(picture, endless.sound(), steps=1, crop=False) as performance:
        assert performance.count == 900_000
        for index, _ in enumerate(performance):
            segments = index // SEGMENT + SEGMENTS_AHEAD + 4  # in the decoder and its queue, waiting, being sampled
            assert endless.read_samples <= segments * SEGMENT * SAMPLES_PER_FRAME + BLOCK
            if index == 6 * SEGMENT:
                break
    assert not running()


@pytest.fixture
def infer(portrait_file, checkpoint_folder, tmp_path, long_tone, capsys):
    """Runs the command on five seconds: exit status, stderr, and what is left in the output's folder."""
    soundfile.write(tmp_path / "long.wav", long_tone, 16_000)
    (tmp_path / "out").mkdir()

    def run():
        output = tmp_path / "out" / "a.mp4"
        words = ["-s", portrait_file, "-a", tmp_path / "long.wav", "-o", output, "--checkpoint", checkpoint_folder]
        status = command.main([*map(str, words), "--no_crop", "--steps", "2"])
        return status, capsys.readouterr().err, [path.name for path in output.parent.iterdir()]

    return run


def failing_after(count, items, error):
    for index, item in enumerate(items):
        if index == count:
            raise error
        yield item


@pytest.mark.parametrize("stage", ["hear", "sample", "show"])
@pytest.mark.parametrize("count", [0, 1])
def test_an_error_in_a_stage_leaves_nothing(infer, monkeypatch, stage, count):
    from vasa_jax.inference.face_programs import FacePrograms
    from vasa_jax.inference.speech_programs import SpeechPrograms

    home = FacePrograms if stage == "show" else SpeechPrograms
    whole = getattr(home, stage)
    error = UserError("the stage broke")
    monkeypatch.setattr(home, stage, lambda *args: failing_after(count, whole(*args), error))
    status, err, left = infer()
    assert (status, left, err.splitlines()[-1]) == (2, [], "infer.py: error: the stage broke")
    assert not running()


def test_a_full_disk_leaves_nothing(infer):
    """Files may not grow beyond 4 kB: what the system says of it is a true error in the midst of writing."""
    _, _, before = infer()  # compiles, and the cache may write
    assert before == ["a.mp4"]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        status, err, left = infer()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status == 2 and left == ["a.mp4"] and not running()
    assert "infer.py: error: the output could not be written (File too large): " in err


def test_an_interruption_in_the_midst_leaves_nothing(infer, monkeypatch):
    labelled = video_file.labelled

    def interrupted(frames, *rest):
        return failing_after(30, labelled(frames, *rest), KeyboardInterrupt())

    monkeypatch.setattr(video_file, "labelled", interrupted)
    status, err, left = infer()
    assert (status, left) == (130, []) and not running()
    assert err.endswith("infer.py: interrupted; nothing was written\n")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_soon(portrait_file, checkpoint_folder, tmp_path, cache_home, kind):
    """Of a clip of ten minutes, once its first frames are there."""
    soundfile.write(tmp_path / "long.wav", np.random.default_rng(0).uniform(-0.3, 0.3, 9_600_000), 16_000)
    out = tmp_path / "out"
    out.mkdir()
    words = ["-s", portrait_file, "-a", tmp_path / "long.wav", "-o", out / "a.mp4", "--checkpoint", checkpoint_folder]
    process = subprocess.Popen(
        [sys.executable, "infer.py", *map(str, words), "--no_crop", "--steps", "2"], stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size > 100 for path in out.iterdir()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    sent = time.monotonic()
    process.send_signal(kind)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - sent < 20, "a segment at hand is finished, no more"
    assert process.returncode == 130 and err.endswith("infer.py: interrupted; nothing was written\n")
    assert not list(out.iterdir())
