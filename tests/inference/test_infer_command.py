"""The command: a video and one line, or one clear line and exit status 2 with nothing written."""

import re
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from vasa_jax import pretrained
from vasa_jax.inference.command import main


@pytest.fixture
def infer(portrait_file, speech_file, checkpoint_folder, tmp_path, capsys):
    """Runs the command with good inputs unless told otherwise: exit status, stdout, stderr, output path."""

    def run(*flags, **changes):
        output = tmp_path / "out" / "talking.mp4"
        output.parent.mkdir(exist_ok=True)
        given = {
            "--source": portrait_file,
            "--audio": speech_file,
            "--output": output,
            "--checkpoint": checkpoint_folder,
            "--steps": 2,
        }
        given |= {f"--{name}": value for name, value in changes.items()}
        words = [str(word) for pair in given.items() if pair[1] is not None for word in pair]
        try:
            status = main([*words, *flags])
        except SystemExit as stop:
            status = stop.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err, output

    return run


@pytest.fixture
def refused(infer):
    """The one line on stderr of a command that must fail and leave nothing."""

    def run(*flags, **changes):
        status, out, err, output = infer(*flags, **changes)
        assert status == 2 and out == "" and err.count("\n") == 1, err
        assert not list(output.parent.iterdir())
        return err.strip().removeprefix("infer.py: error: ")

    return run


def count(path):
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_video_and_one_line(infer):
    status, out, err, output = infer("--no_crop")
    assert status == 0 and count(output) == 26
    parts = ("load", "crop", "encode", "speech", "sample", "decode", "write", "total")
    seconds = ", ".join(rf"{part} \d+\.\d" for part in parts)
    assert re.fullmatch(rf"{output}: 26 frames; seconds: {seconds}\n", out)
    assert "sample: 100%" in err and "decode: 100%" in err and "Traceback" not in err


def test_all_flags_and_the_names_of_other_systems(infer, portrait_file, speech_file):
    status, _, err, output = infer(
        "-s", str(portrait_file), "--source_image", str(portrait_file), "--driven_audio", str(speech_file),
        "--nfe", "3", "--a_cfg_scale", "1.5", "--gaze_cfg", "0", "--gaze", "-10,5", "--distance", "1.2",
        "--emotion", "happy:0.5", "--seed", "3", "--no_crop", "--output_size", "96",
    )  # fmt: skip
    assert status == 0, err
    with av.open(output) as container:
        assert container.streams.video[0].width == 96


def test_the_face_is_cropped(infer):
    status, _, err, output = infer(source=Path(__file__).parent / "face.jpg")
    assert status == 0 and output.exists() and "warning" not in err


def test_several_faces_and_silence_are_warned_about_once(infer, tmp_path):
    face = np.asarray(Image.open(Path(__file__).parent / "face.jpg"))
    Image.fromarray(np.hstack([face, face])).save(tmp_path / "two.png")
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000), 16_000)
    status, _, err, output = infer(source=tmp_path / "two.png", audio=tmp_path / "silence.wav")
    assert status == 0 and count(output) == 13
    warnings = [line for line in err.splitlines() if "warning" in line]
    assert warnings == [
        "infer.py: warning: the audio is silent; the head will rest",
        "infer.py: warning: 2 faces in the portrait; the largest is taken",
    ]


def test_bare_runs_the_bundled_sample(infer, checkpoint_folder, portrait_file, speech_file, tmp_path, monkeypatch):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for path in checkpoint_folder.iterdir():
        (bundle / path.name).write_bytes(path.read_bytes())
    (bundle / "portrait.png").write_bytes((Path(__file__).parent / "face.jpg").read_bytes())
    samples, rate = soundfile.read(speech_file)
    soundfile.write(bundle / "speech.flac", samples, rate)
    monkeypatch.setattr(pretrained, "FOLDER", bundle)
    monkeypatch.chdir(tmp_path)
    status, out, _, _ = infer(source=None, audio=None, checkpoint=None, output=None)
    assert status == 0 and out.startswith("talking.mp4: 26 frames") and count("talking.mp4") == 26


def test_bad_flags(refused):
    assert refused("--mouth") == "unrecognized arguments: --mouth (--help lists the flags)"
    assert refused(steps="many").startswith("argument --steps/--nfe: invalid int value: 'many'")
    assert refused(steps=0) == "the number of steps is from 1 to 1000, not 0"
    assert refused("--gaze", "left") == "the gaze is YAW,PITCH in degrees, such as 10,-5, not 'left'"
    assert refused(gaze="99,0") == "the gaze yaw in degrees is from -60 to 60, not 99"
    assert refused(emotion="bored").startswith("no emotion is called 'bored'; there are neutral, happy")
    assert refused(distance="-1") == "the distance is from 0.5 to 2, not -1"
    assert refused(output_size=99) == "the output size is an even number from 64 to 2048, not 99"
    assert refused(seed=-5).startswith("the seed is from 0")
    assert refused(blinks=99) == "the number of blinks a minute is from 0 to 60, not 99"


def test_bad_portraits(refused, tmp_path, speech_file):
    assert refused() == "no face was found in the portrait; if it is framed tightly around a face, add --no_crop"
    assert refused(source=tmp_path / "none.png") == f"no such portrait file: {tmp_path / 'none.png'}"
    assert refused(source=speech_file) == f"not a picture that can be read: {speech_file}"
    Image.new("RGB", (20, 20)).save(tmp_path / "tiny.png")
    assert refused(source=tmp_path / "tiny.png").startswith("the portrait is 20 x 20 pixels; give one of at least")
    whole = (Path(__file__).parent / "face.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    assert refused(source=tmp_path / "cut.jpg") == f"the picture is damaged or cut short: {tmp_path / 'cut.jpg'}"


def test_bad_audio(refused, tmp_path, portrait_file):
    assert refused(audio=tmp_path / "none.wav") == f"no such audio file: {tmp_path / 'none.wav'}"
    assert refused(audio=portrait_file) == f"no audio that can be read in: {portrait_file}"
    soundfile.write(tmp_path / "short.wav", np.zeros(100), 16_000)
    assert refused(audio=tmp_path / "short.wav") == "the audio lasts 6.2 ms; give at least one frame, 40 ms"
    soundfile.write(tmp_path / "nan.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    assert refused(audio=tmp_path / "nan.wav").startswith("the audio holds values that are not numbers")
    (tmp_path / "empty.wav").write_bytes(b"")
    assert refused(audio=tmp_path / "empty.wav") == f"the audio file is empty: {tmp_path / 'empty.wav'}"


def test_bad_output_is_told_before_the_inputs_are_read(refused, tmp_path):
    nowhere = tmp_path / "none" / "a.mp4"
    message = f"the output cannot be written (No such file or directory): {nowhere}"
    assert refused(output=nowhere, source="missing.png") == message
    assert refused(output=tmp_path / "a.gif") == "the output ends in .mp4, not a.gif"


def test_bad_checkpoints(refused, tmp_path, monkeypatch):
    assert refused("--no_crop", checkpoint=tmp_path).startswith(f"no checkpoint in {tmp_path}: config.json is missing")
    blinks = "these weights cannot set blinks: their statistics tell nothing of the lids"
    assert refused("--no_crop", blinks=5) == blinks
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    assert refused("--no_crop", checkpoint=None).startswith("this installation ships no weights.safetensors")


@pytest.mark.slow
def test_an_interruption_leaves_nothing(infer, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("vasa_jax.inference.video_file.write_video", interrupt)
    status, out, err, output = infer("--no_crop")
    assert status == 130 and out == "" and err.endswith("infer.py: interrupted; nothing was written\n")
    assert not list(output.parent.iterdir())
