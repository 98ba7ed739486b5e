"""The flags that touch a motion or put frames back reach what they name."""

import av
import pytest

from vasa_jax.inference import command
from vasa_jax.inference.flags import parse


def test_frames_come_back_in_the_photograph(checkpoint_folder, portrait_file, speech_file, tmp_path):
    words = [f"--checkpoint={checkpoint_folder}", f"--source={portrait_file}", f"--audio={speech_file}", "--steps=2"]
    words += [f"--output={tmp_path}/a.mp4", "--no_crop", "--paste_back", "--expression_strength=0.5"]
    assert command.main([*words, "--pose_offset", "-5,0,0"]) == 0
    with av.open(tmp_path / "a.mp4") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 26 and frames[0].shape == (90, 120, 3)


@pytest.mark.parametrize("words, told", [
    (["--paste_back", "--output_size", "256"],
     "--output_size does not go with --paste_back, which keeps the photograph's"),
    (["--turn", "5,0,0", "--look", "1,0"], "--look does not go with --turn"),
    (["--expression_from", "a.png", "--paste_back"], "--paste_back does not go with --expression_from"),
])  # fmt: skip
def test_flags_that_do_not_go_together(capsys, words, told):
    with pytest.raises(SystemExit) as left:
        parse(words)
    assert left.value.code == 2 and told in capsys.readouterr().err


@pytest.mark.parametrize("words, told", [
    (["--look=a"], "the turn of the eyes is X,Y from -1 to 1, such as 0.5,0, not 'a'"),
    (["--eyes=0.3"], "to open eyes, give --landmarks, the folder of MediaPipe's graphs"),
    (["--pose_offset=1"], "the turn is YAW,PITCH,ROLL in degrees, such as 20,-5,0, not '1'"),
])  # fmt: skip
def test_mistakes_are_told_in_one_line(capsys, tmp_path, words, told):
    assert command.main([*words, f"--output={tmp_path}/a.mp4"]) == 2
    assert capsys.readouterr().err == f"infer.py: error: {told}\n"
