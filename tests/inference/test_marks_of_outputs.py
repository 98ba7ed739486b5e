"""What the command writes is marked and signed on every road, and no flag takes that away."""

import json

import numpy as np
import pytest
from PIL import Image

from vasa_jax.inference.animator import Animator
from vasa_jax.inference.command import main
from vasa_jax.inference.flags import parse
from vasa_jax.provenance.manifest import VALID, read_statement
from vasa_jax.provenance.mark import carrier
from vasa_jax.provenance.mark.looks import sync_z
from vasa_jax.provenance.mark.writer import SLOT


@pytest.fixture(scope="module", autouse=True)
def unmarked(tmp_path_factory):
    """Stands in for the one of this room: here the mark is what is looked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="module")
def roads(random_checkpoint, picture, tone):
    """Frames of every road that leaves the animator, with the mark and, where `put_mark` does nothing, without."""

    def take(animator):
        rest = np.full((32, 32, 3), 90, np.uint8)
        return {
            "animate": animator.animate(picture, tone, 16_000, steps=2, crop=False).frames,
            "draw": animator.draw(picture, np.zeros((20, 13), np.float32), crop=False),
            "reenact": np.stack(list(animator.reenact(picture, [rest] * 20, crop=False))),
            "edit": animator.edit(picture, crop=False)[None],
        }

    with_mark = take(Animator(random_checkpoint))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vasa_jax.inference.face_programs.put_mark", lambda images, pattern, signs: images)
        without = take(Animator(random_checkpoint))
    return with_mark, without


@pytest.mark.slow
@pytest.mark.parametrize("road", ["animate", "draw", "reenact", "edit"])
def test_every_road_is_marked(roads, road):
    """What the mark adds is there in every frame, with the sign that is due, and is the carrier's pattern."""
    added = (roads[0][road].astype(float) - roads[1][road]).mean(-1)
    lies_in = carrier.STILL if road == "edit" else carrier.VIDEO
    grow = carrier.resampling(32)
    for index, frame in enumerate(added):
        z = sync_z(lies_in.analyse(grow @ frame @ grow.T), lies_in)
        due = -1 if road != "edit" and index // SLOT % 2 else 1
        assert due * z > 3, (index, z)


@pytest.mark.parametrize("flags", [[], ["--label", "none"]])
def test_a_signed_video(portrait_file, speech_file, checkpoint_folder, tmp_path, flags):
    target = tmp_path / "a.mp4"
    words = ["-s", portrait_file, "-a", speech_file, "-o", target, "--checkpoint", checkpoint_folder, "--steps", "2"]
    assert main([*map(str, words), "--no_crop", "--consent", "nobody is shown", *flags]) == 0
    statement = read_statement(target)
    assert statement.signature == VALID and statement.own
    assert statement.run["consent"] == "nobody is shown" and statement.run["model"] == "random"
    assert statement.run["visible_label"] == ("none" if flags else "AI-generated")
    assert set(statement.run["inputs_sha256"]) == {"portrait", "speech"}


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_signed_still(portrait_file, checkpoint_folder, tmp_path, name):
    target = tmp_path / name
    words = ["-s", portrait_file, "-o", target, "--checkpoint", checkpoint_folder, "--no_crop", "--turn", "5,0,0"]
    assert main([*map(str, words)]) == 0
    statement = read_statement(target)
    assert statement.signature == VALID and statement.run["consent"] == "not stated"
    image = Image.open(target)
    told = image.text["XML:com.adobe.xmp"] if name == "a.png" else image.info["xmp"].decode()
    fields = json.loads(told.split("TC260:AIGC='")[1].split("'")[0].replace("&quot;", '"'))
    assert fields["Label"] == "1" and fields["ProduceID"] == statement.run["run"]


def test_bad_flags_are_one_line_and_leave_nothing(portrait_file, tmp_path, capsys):
    def refused(*flags):
        assert main(["-s", str(portrait_file), "-o", str(tmp_path / "out.mp4"), *flags]) == 2
        assert not (tmp_path / "out.mp4").exists()
        return capsys.readouterr().err.strip().removeprefix("infer.py: error: ")

    assert refused("--label_place", "left") == "the label's place is top or bottom, not 'left'"
    assert refused("--label_language", "xx").startswith("no words for the language 'xx'; there are de, en,")
    assert refused("--label_language", "zh") == (
        "Pillow's font has no letter '生'; name a font file that has it by --label_font"
    )
    assert refused("--label", " ") == "the label is 1 to 60 letters long, or none"
    assert refused("--signing", str(tmp_path / "none.pem")) == f"no such signing key: {tmp_path / 'none.pem'}"


def test_no_flag_leaves_mark_or_manifest_out():
    about = {flag for flag in vars(parse([])) for word in ("mark", "manifest", "sign", "c2pa") if word in flag}
    assert about == {"landmarks", "signing"}  # which are of another matter, and which names a key
