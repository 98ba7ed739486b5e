"""A device whose memory is full is one clear line, from wherever it comes, and fewer frames at once are a way out."""

import re
import threading

import jax
import numpy as np
import pytest

from vasa_jax.errors import UserError
from vasa_jax.inference import command
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.device_memory import told_when_full
from vasa_jax.inference.face_programs import FacePrograms

FULL = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.")
TOLD = "the device is out of memory: draw fewer frames at once (--frames_at_once 1, or a stream's hop), end other "


def test_other_errors_stay_what_they_are():
    with pytest.raises(ZeroDivisionError), told_when_full():
        raise ZeroDivisionError
    with pytest.raises(UserError, match=re.escape(TOLD)), told_when_full():
        raise FULL


@pytest.fixture
def infer(portrait_file, speech_file, checkpoint_folder, tmp_path, capsys):
    """Runs the command: exit status, last line on stderr, what is left in the output's folder."""
    (tmp_path / "out").mkdir()

    def run(*flags):
        output = tmp_path / "out" / "a.mp4"
        words = ["-s", portrait_file, "-a", speech_file, "-o", output, "--checkpoint", checkpoint_folder, *flags]
        status = command.main([*map(str, words), "--no_crop", "--steps", "2"])
        lines = capsys.readouterr().err.splitlines()
        return status, lines[-1] if lines else "", [path.name for path in output.parent.iterdir()]

    return run


@pytest.mark.parametrize(("place", "calls"), [("__init__", 0), ("encode", 0), ("_drawn", 0), ("_drawn", 2)])
def test_the_command_tells_it_and_leaves_nothing(infer, monkeypatch, place, calls):
    """Loading the weights, encoding the portrait, or, in the midst of writing, drawing frames."""
    whole, done = getattr(FacePrograms, place), []

    def full(*args, **kwargs):
        if len(done) == calls:
            raise FULL
        done.append(1)
        return whole(*args, **kwargs)

    monkeypatch.setattr(FacePrograms, place, full)
    status, told, left = infer()
    assert status == 2 and told.startswith(f"infer.py: error: {TOLD}") and left == []
    assert not {thread.name for thread in threading.enumerate()} & {"sample", "decode"}


def test_frames_are_the_same_however_many_are_drawn_at_once(random_checkpoint, picture):
    motion = np.random.default_rng(0).normal(size=(11, 13)).astype(np.float32)
    usual = Animator(random_checkpoint).draw(picture, motion, crop=False)
    for count in (1, 3):
        frames = Animator(random_checkpoint, frames_at_once=count).draw(picture, motion, crop=False)
        assert frames.shape == usual.shape and np.abs(frames.astype(int) - usual).max() <= 1
    for count in (0, 257):
        with pytest.raises(UserError, match=f"1 to 256 frames are drawn at once, not {count}"):
            Animator(random_checkpoint, frames_at_once=count)


def test_the_flag_reaches_the_decoder(infer, monkeypatch):
    whole, sizes = FacePrograms._drawn, set()

    def watched(self, appearance, motion, *rest):
        sizes.add(len(motion))
        return whole(self, appearance, motion, *rest)

    monkeypatch.setattr(FacePrograms, "_drawn", watched)
    status, _, left = infer("--frames_at_once", "3")
    assert (status, left, sizes) == (0, ["a.mp4"], {3})
    status, told, _ = infer("--frames_at_once", "0")
    assert status == 2 and told == "infer.py: error: 1 to 256 frames are drawn at once, not 0"
