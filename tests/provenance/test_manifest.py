"""The signature: valid, altered or missing; the key private and made once; what is said of a run said in full."""

import json
import stat

import av
import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.inference.video_file import write_video
from vasa_jax.provenance import __main__ as command
from vasa_jax.provenance import signing_key
from vasa_jax.provenance.check import INTACT, NOTHING, TRACES, check
from vasa_jax.provenance.label import Label
from vasa_jax.provenance.manifest import ALTERED, MISSING, SOURCE_TYPE, STORE, VALID, read_statement
from vasa_jax.provenance.mark.payload import Payload
from vasa_jax.provenance.mark.writer import Mark
from vasa_jax.provenance.record import Record
from vasa_jax.provenance.signing_key import default_file, load_key

OTHER = Payload(0, 1, 0xABC, 0x123456)
RECORD = Record("tiny", 0xABC, {"portrait": "ab" * 32}, consent="A. Person, in writing")


@pytest.fixture(scope="module")
def frames(clip):
    """Marked with the payload of RECORD."""
    mark = Mark.of(RECORD.payload, 128)
    added = 127.5 * mark.signs(0, len(clip))[:, None, None, None] * mark.pattern[..., None]
    return np.clip(np.round(clip + added), 0, 255).astype(np.uint8)


@pytest.fixture
def video(frames, tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, frames, None, 16_000, fps=25, size=256, record=RECORD)
    return path


def flip_a_byte(path, place):
    content = bytearray(path.read_bytes())
    content[round(len(content) * place)] ^= 1
    path.write_bytes(content)


def copy_without_manifest(path, target):
    """Re-encoded, without sound: what a messenger leaves."""
    with av.open(path) as source, av.open(target, "w") as container:
        stream = container.add_stream("h264", rate=25, options={"crf": "28"})
        stream.width, stream.height, stream.pix_fmt = 256, 256, "yuv420p"
        for index, frame in enumerate(source.decode(video=0)):
            copied = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
            copied.pts = index
            container.mux(stream.encode(copied))
        container.mux(stream.encode(None))


def test_a_manifest_says_all(video):
    statement = read_statement(video)
    assert statement.signature == VALID and statement.own and statement.generator == "vasa-jax 0.1.0"
    assert statement.run == {
        "model": "tiny", "model_code": "abc", "version": RECORD.version, "run": RECORD.run, "time": RECORD.time,
        "inputs_sha256": {"portrait": "ab" * 32}, "consent": "A. Person, in writing",
        "visible_label": "AI-generated", "invisible_mark": "in every frame",
    }  # fmt: skip
    import c2pa

    with c2pa.Reader("video/mp4", open(video, "rb")) as reader:
        assertions = {one["label"]: one["data"] for one in reader.get_active_manifest()["assertions"]}
    action = assertions["c2pa.actions.v2"]["actions"][0]
    assert action["action"] == "c2pa.created" and action["digitalSourceType"] == SOURCE_TYPE


def test_plain_fields_stand_beside_it(video):
    content = video.read_bytes()
    assert content.count(b"TC260:AIGC=") == 1 and SOURCE_TYPE.encode() in content
    with av.open(video) as container:  # a player passes over the boxes that it does not know
        assert sum(1 for _ in container.decode(video=0)) == 50


def test_without_a_label_the_manifest_says_so(frames, tmp_path):
    write_video(tmp_path / "a.mp4", frames, None, 16_000, fps=25, size=128, record=RECORD, label=Label("none"))
    statement = read_statement(tmp_path / "a.mp4")
    assert statement.signature == VALID and statement.run["visible_label"] == "none"


@pytest.mark.parametrize("place", [0.3, 0.7])
def test_altered(video, place):
    flip_a_byte(video, place)
    assert read_statement(video).signature == ALTERED


def test_a_manifest_that_is_cut_is_altered(video):
    content = video.read_bytes()
    place = content.index(STORE) + 200
    video.write_bytes(content[:place] + bytes(400) + content[place + 400 :])
    assert read_statement(video).signature == ALTERED


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.webp", "a.webm", "a.mkv", "a.mov", "webm.mp4", "a.txt"])
def test_missing_whatever_the_kind_of_file(name, tmp_path):
    """Also where the reader of manifests does not know the kind, or the name tells another one."""
    path = tmp_path / name
    if path.suffix in (".png", ".bmp", ".webp"):
        Image.new("RGB", (64, 64)).save(path)
    elif path.suffix == ".txt":
        path.write_text("words")
    else:
        with av.open(path, "w", format="webm" if "webm" in name else None) as container:
            stream = container.add_stream("libvpx" if "webm" in name else "h264", rate=25)
            stream.width = stream.height = 64
            container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
            container.mux(stream.encode(None))
    assert read_statement(path).signature == MISSING


@pytest.mark.parametrize("name", ["a.webm", "a.png", "a.mkv", "a"])
def test_a_signed_file_under_any_name(name, video):
    path = video.rename(video.parent / name)
    assert read_statement(path).signature == VALID


def test_another_machines_key_is_valid_but_not_ours(video, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    statement = read_statement(video)
    assert statement.signature == VALID and not statement.own
    load_key()
    assert not read_statement(video).own


def test_a_key_is_made_once_and_private(key_home):
    key = load_key()
    assert load_key() == key and "PRIVATE" not in repr(key)
    assert stat.S_IMODE(default_file().stat().st_mode) == 0o600
    assert [path.name for path in key_home.iterdir()] == ["signing_key.pem"]
    assert key.certificates.count(b"BEGIN CERTIFICATE") == 2


def test_two_first_runs_at_once_agree(tmp_path, monkeypatch):
    """A key that appears while another is being made stays."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    make, first = signing_key._new_key, []

    def make_late():
        if not first:
            first.append(True)
            first.append(load_key())
        return make()

    monkeypatch.setattr(signing_key, "_new_key", make_late)
    assert load_key() == first[1] == load_key()


def test_bad_keys(tmp_path):
    def refused(content):
        (tmp_path / "key.pem").write_bytes(content)
        with pytest.raises(UserError) as error:
            load_key(tmp_path / "key.pem")
        return str(error.value).removesuffix(f": {tmp_path / 'key.pem'}")

    key, damaged = load_key(), "the signing key is damaged, has a password or no certificate"
    signer, root = key.certificates.split(b"-----BEGIN")[1:]
    assert refused(b"nonsense") == refused(key.private_key) == refused(key.certificates) == damaged
    swapped = key.private_key + b"-----BEGIN" + root + b"-----BEGIN" + signer
    assert refused(swapped) == "the first certificate does not belong to the key in"
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert refused(other + key.certificates) == "the signing key is not one of the curve P-256"
    with pytest.raises(UserError, match=f"no such signing key: {tmp_path / 'none.pem'}"):
        load_key(tmp_path / "none.pem")


def test_a_failed_signature_leaves_nothing(frames, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise UserError("no")

    monkeypatch.setattr("vasa_jax.provenance.seal.sign", refuse)
    with pytest.raises(UserError):
        write_video(tmp_path / "a.mp4", frames[:5], None, 16_000, fps=25, size=128)
    assert not list(tmp_path.iterdir())


def run(capsys, *words):
    status = command.main([str(word) for word in words])
    return status, capsys.readouterr()


def test_the_command_on_an_intact_file(video, capsys):
    status, said = run(capsys, video)
    lines = said.out.splitlines()
    assert status == 0 and lines[0] == "made by vasa-jax, and unchanged since"
    assert lines[1].startswith("signature: valid, by this machine's own key. It says: model tiny, version 0.1.0, run ")
    assert "consent A. Person, in writing" in lines[1]
    assert lines[2].startswith(f"mark: found: run {RECORD.run[:6]}, model abc, version 0.1 (z ")


def test_the_command_in_json_on_a_copy(video, tmp_path, capsys):
    copy_without_manifest(video, tmp_path / "copy.mp4")
    status, said = run(capsys, tmp_path / "copy.mp4", "--json")
    told = json.loads(said.out)
    assert status == 1 and told["outcome"] == TRACES and told["signature"] == MISSING
    assert told["mark"]["found"] and told["mark"]["payload"]["run"] == RECORD.run[:6]


def test_an_altered_file_is_not_intact(video):
    flip_a_byte(video, 0.3)
    report = check(video)
    assert report.outcome == TRACES and report.statement.signature == ALTERED


def test_a_manifest_that_was_moved_to_other_frames(frames, clip, tmp_path):
    """Signed by us, but the picture's mark names another run: the layers do not agree."""
    mark = Mark.of(OTHER, 128)
    added = 127.5 * mark.signs(0, len(clip))[:, None, None, None] * mark.pattern[..., None]
    others = np.clip(np.round(clip + added), 0, 255).astype(np.uint8)
    write_video(tmp_path / "a.mp4", others, None, 16_000, fps=25, size=256, record=RECORD)
    report = check(tmp_path / "a.mp4")
    assert report.agree is False and report.outcome == TRACES
    assert report.reading.payload == OTHER


@pytest.mark.slow
def test_nothing_of_ours(clip, tmp_path, capsys):
    with av.open(tmp_path / "a.mp4", "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width = stream.height = 128
        stream.pix_fmt = "yuv420p"
        for pixels in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    status, said = run(capsys, tmp_path / "a.mp4")
    assert status == 3 and said.out.startswith("no trace of vasa-jax\nsignature: missing\nmark: not found (z ")
    assert check(tmp_path / "a.mp4").outcome == NOTHING != INTACT


def test_files_that_cannot_be_read(tmp_path, capsys):
    def refused(path):
        status, said = run(capsys, path)
        assert status == 2 and said.out == ""
        return said.err.strip().removeprefix("provenance: error: ")

    assert refused(tmp_path / "none.mp4") == f"no such file: {tmp_path / 'none.mp4'}"
    (tmp_path / "words.mp4").write_text("no video")
    assert (
        refused(tmp_path / "words.mp4") == f"neither a picture nor a video that can be read: {tmp_path / 'words.mp4'}"
    )
    Image.new("RGB", (300, 300), "red").save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:200])
    assert refused(tmp_path / "cut.png") == f"the picture is damaged or cut short: {tmp_path / 'cut.png'}"
