"""Reenactment and edits, by the animator and by the command: lengths, sound, exclusions, one line for a mistake."""

import re
from itertools import count as counting
from itertools import islice

import av
import numpy as np
import pytest
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.command import main
from vasa_jax.inference.crop import crop_centre


@pytest.fixture(scope="module")
def animator(random_checkpoint):
    return Animator(random_checkpoint)


@pytest.fixture(scope="module")
def clips():
    """Two clips of 20 and 13 squares of noise that changes slowly."""
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 255, (2, 2, 64, 64, 3))
    return [
        np.linspace(*pair, frames).astype(np.uint8)[:, ::2, ::2]
        for pair, frames in zip(ends, (20, 13), strict=True)
    ]


@pytest.fixture(scope="module")
def reenact(animator, picture):
    def call(driving, portrait=picture, **options):
        return np.stack(list(animator.reenact(portrait, driving, crop=False, **options)))

    return call


def test_as_long_as_the_driving_clip_and_every_input_counts(reenact, clips, picture):
    plain = reenact(clips[0])
    assert plain.shape == (20, 32, 32, 3) and plain.dtype == np.uint8 and plain.std(0).max() > 1
    assert (reenact(clips[0][::-1]) != plain).any()
    assert (reenact(clips[0], portrait=255 - picture) != plain).any()
    assert (reenact(clips[0], relative=True) != plain).any()


def test_pose_from_another_clip(reenact, clips):
    plain, shorter = reenact(clips[0]), reenact(clips[0], pose_from=clips[1])
    np.testing.assert_array_equal(reenact(clips[0], pose_from=clips[0]), plain)
    assert len(shorter) == len(reenact(clips[1], pose_from=clips[0])) == 13
    assert (shorter != plain[:13]).any() and (shorter != reenact(clips[1])).any()


def test_a_driver_at_rest_is_a_still_with_its_expression(reenact, animator, picture):
    """Relative: the portrait's own pose, held. The same face comes from an edit, by another way through the code."""
    other = np.ascontiguousarray(picture[::-1, ::-1])
    rest = crop_centre(other, 32)
    frames = reenact([rest] * 11, relative=True)
    still = animator.edit(picture, expression_from=other, crop=False)
    assert np.abs(frames.astype(int) - still).max() <= 1  # rounding
    assert np.abs(reenact([rest] * 11)[0].astype(int) - still).max() > 1


def test_a_portrait_that_drives_itself(reenact, animator, picture):
    still = animator.edit(picture, crop=False)
    for relative in (False, True):
        frames = reenact([crop_centre(picture, 32)] * 3, relative=relative)
        assert np.abs(frames.astype(int) - still).max() <= 1


def test_edits_count_and_are_checked(animator, picture):
    plain = animator.edit(picture, crop=False)
    assert plain.shape == (32, 32, 3)
    for turn in ((20.0, 0.0, 0.0), (0.0, 20.0, 0.0), (0.0, 0.0, 20.0)):
        assert (animator.edit(picture, turn=turn, crop=False) != plain).any()
    with pytest.raises(UserError, match="the turn's pitch in degrees is from -60 to 60, not 61"):
        animator.edit(picture, turn=(0.0, 61.0, 0.0), crop=False)
    with pytest.raises(UserError, match="no face was found in the portrait"):
        animator.edit(picture)


def test_frames_are_asked_for_as_they_are_needed(animator, picture, clips):
    asked = []

    def endless():
        for index in counting():
            asked.append(index)
            yield clips[0][index % 20]

    frames = animator.reenact(picture, endless(), crop=False)
    assert not asked
    assert len(list(islice(frames, 8))) == 8 and len(asked) == 8
    next(frames)
    assert len(asked) == 16


def test_one_program_for_any_length(reenact, animator, clips, picture, compiled):
    reenact(clips[0])
    reenact(clips[0], relative=True)
    before = len(compiled)
    for length in (1, 8, 9, 20):
        reenact(clips[0][:length])
        reenact(clips[0][:length], pose_from=clips[1], relative=True)
    assert len(compiled) == before


@pytest.fixture
def infer(portrait_file, checkpoint_folder, tmp_path, capsys):
    """Runs the command: exit status, stdout, stderr, output path."""

    def run(*words, output="out.mp4"):
        target = tmp_path / "out" / output
        target.parent.mkdir(exist_ok=True)
        given = ["--source", portrait_file, "--output", target, "--checkpoint", checkpoint_folder, "--no_crop", *words]
        try:
            status = main([str(word) for word in given])
        except SystemExit as stop:
            status = stop.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err, target

    return run


@pytest.fixture
def refused(infer):
    def run(*words, **options):
        status, out, err, target = infer(*words, **options)
        assert status == 2 and out == "" and err.count("\n") == 1, err
        assert not list(target.parent.iterdir())
        return err.strip().removeprefix("infer.py: error: ").removesuffix(" (--help lists the flags)")

    return run


@pytest.fixture
def driving_file(write_clip, picture):
    """2 s at 30 fps, with a click at 1 s."""
    sound = np.zeros(32_000, np.float32)
    sound[16_000:17_600] = 0.5 * np.sin(np.arange(1600) * 0.5)
    return write_clip("driving.mp4", [np.roll(picture, k, 1) for k in range(60)], 30, sound)


def read_back(path):
    with av.open(path) as container:
        frames = sum(1 for _ in container.decode(video=0))
        assert container.streams.video[0].average_rate == 25
        if not container.streams.audio:
            return frames, None
        container.seek(0)
        return frames, np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def test_a_video_with_the_drivers_sound_and_one_line(infer, driving_file):
    status, out, err, target = infer("--driving", driving_file, "--no_crop_driving")
    assert status == 0, err
    assert re.fullmatch(rf"{target}: 50 frames; seconds: (\w+ \d+\.\d, )+total \d+\.\d\n", out)
    assert "50/50" in err and "Traceback" not in err
    frames, sound = read_back(target)
    assert frames == 50 and abs(len(sound) / 16_000 - 2) < 0.07
    assert abs(np.argmax(np.abs(sound) > 0.2) / 16_000 - 1.0) < 0.07


def test_silent_driver_names_of_other_systems_and_all_flags(infer, write_clip, picture):
    silent = write_clip("silent.mp4", [picture] * 30, 25)
    short = write_clip("short.mp4", [picture[::-1]] * 12, 25)
    status, out, err, target = infer(
        "-d", silent, "--driving_video", silent, "--pose_from", short, "--pose", "relative", "--no_crop_driving",
        "--output_size", "96",
    )  # fmt: skip
    assert status == 0, err
    assert read_back(target) == (12, None) and ": 12 frames" in out


def test_speech_with_the_pose_of_a_video(infer, driving_file, speech_file):
    speech = ("--audio", speech_file, "--steps", "2")
    status, out, err, target = infer("--pose_from", driving_file, "--pose", "relative", "--no_crop_driving", *speech)
    assert status == 0, err
    frames, sound = read_back(target)
    assert frames == 26 and np.abs(sound).max() > 0.1 and ", pose " in out
    status, out, err, _ = infer("--pose", "fixed", *speech)
    assert status == 0 and ", pose " in out, err


@pytest.mark.parametrize("name", ["still.png", "still.jpg"])
def test_a_still(infer, portrait_file, name):
    status, out, err, target = infer(
        "--turn", "-10,5,0", "--expression_from", portrait_file, "--output_size", "96", output=name
    )
    assert status == 0, err
    assert Image.open(target).size == (96, 96) and out.startswith(f"{target}; seconds: load")


def test_flags_that_exclude_each_other(refused, driving_file, portrait_file):
    drive = ("--driving", driving_file)
    assert refused(*drive, "--audio", "a.wav") == "--audio does not go with --driving"
    assert refused(*drive, "--seed", "0") == "--seed does not go with --driving"
    assert refused(*drive, "--gaze", "-5,0") == "--gaze does not go with --driving"
    assert refused(*drive, "--turn", "5,0,0") == "--driving does not go with --turn"
    assert refused("--expression_from", portrait_file, "--audio", "a.wav") == (
        "--audio does not go with --expression_from"
    )
    assert refused(*drive, "--pose", "fixed") == "--pose fixed does not go with --driving"
    assert refused(*drive, "--blinks", "5") == "--blinks does not go with --driving"
    assert refused("--turn", "5,0,0", "--pose_from", driving_file) == "--pose_from does not go with --turn"
    assert refused("--pose_from", driving_file, "--pose", "fixed") == "--pose fixed does not go with --pose_from"
    assert refused("--pose", "relative") == "--pose relative needs --driving or --pose_from"
    assert refused("--no_crop_driving") == "--no_crop_driving needs --driving or --pose_from"


def test_mistakes_leave_nothing(refused, driving_file, portrait_file, tmp_path):
    words = tmp_path / "words.mp4"
    words.write_text("This is no video.\n" * 100)
    assert refused("--driving", words) == f"not a video that can be read: {words}"
    assert refused("--driving", driving_file, output="a.png") == "the output ends in .mp4, not a.png"
    assert refused("--turn", "5,0,0") == "the output ends in .png or .jpg or .jpeg, not out.mp4"
    assert refused("--turn", "5", output="a.png") == (
        "the turn is YAW,PITCH,ROLL in degrees, such as 20,-5,0, not '5'"
    )
    assert refused("--turn", "90,0,0", output="a.png") == "the turn's yaw in degrees is from -60 to 60, not 90"
    again = "name another --output"
    assert refused("--driving", driving_file, "--output", driving_file) == (
        f"the output would replace the input {driving_file}; {again}"
    )
    assert refused("--turn", "5,0,0", "--output", portrait_file) == (
        f"the output would replace the input {portrait_file}; {again}"
    )
    assert refused("--pose_from", driving_file, "--output", driving_file) == (
        f"the output would replace the input {driving_file}; {again}"
    )
    missing = tmp_path / "none.png"
    assert refused("--expression_from", missing, output="a.png") == f"no such portrait file: {missing}"
