"""Programs that were written down give the same frames and trace no network; what cannot be is told in one line."""

import json
import shutil

import flax.linen as nn
import numpy as np
import pytest

import vasa_jax
from vasa_jax import export
from vasa_jax.errors import UserError
from vasa_jax.inference import exports
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.flags import parse
from vasa_jax.inference.loading import load, load_everywhere


@pytest.fixture(scope="module")
def exported(checkpoint_folder, tmp_path_factory):
    """Written for two platforms, of which one is here."""
    folder = tmp_path_factory.mktemp("exported") / "new"
    assert export.main(["--checkpoint", str(checkpoint_folder), "--out", str(folder), "--platforms", "cpu,tpu"]) == 0
    return folder


@pytest.fixture(scope="module")
def animator(exported):
    return load(exported=exported)


@pytest.fixture
def tracing(monkeypatch):
    """The networks that are traced while the test runs."""
    traced, apply = [], nn.Module.apply

    def listening(module, *args, **kwargs):
        traced.append(type(module).__name__)
        return apply(module, *args, **kwargs)

    monkeypatch.setattr(nn.Module, "apply", listening)
    return traced


@pytest.fixture
def altered(exported, tmp_path):
    """A copy of the folder to break."""
    return shutil.copytree(exported, tmp_path / "copy")


def refusal(call, *args, **options):
    with pytest.raises(UserError) as error:
        call(*args, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.slow
def test_the_same_frames_and_no_network_is_traced(animator, checkpoint_folder, picture, tone, tracing):
    frames = animator.animate(picture, tone, 16_000, crop=False).frames
    assert tracing == []
    np.testing.assert_array_equal(frames, load(checkpoint_folder).animate(picture, tone, 16_000, crop=False).frames)
    assert tracing


@pytest.mark.slow
def test_the_same_stream(animator, checkpoint_folder, picture, tone, tracing):
    def shown(animator):
        stream = animator.stream(picture, crop=False)
        stream.feed(tone, 16_000)
        stream.finish()
        return np.stack([frame.image for frame in stream.ready()])

    frames = shown(animator)
    assert tracing == [] and len(frames) == 26
    np.testing.assert_array_equal(frames, shown(load(checkpoint_folder)))


@pytest.mark.parametrize(
    "other", [{"steps": 3}, {"emotion_cfg": 1.0, "steps": 2}, {"sampler": "dpm", "steps": 2}], ids=str
)
def test_what_was_not_written_down_is_traced(animator, checkpoint_folder, picture, tone, tracing, other):
    frames = animator.animate(picture, tone, 16_000, crop=False, **other).frames
    assert tracing
    expected = load(checkpoint_folder).animate(picture, tone, 16_000, crop=False, **other).frames
    np.testing.assert_array_equal(frames, expected)


def test_controls_need_no_other_program(animator, picture, tone, tracing, compiled):
    animator.animate(picture, tone, 16_000, crop=False)
    compiled.clear()
    animator.animate(picture, tone, 16_000, crop=False, seed=3, gaze=(9.0, 0.0), emotion="happy", audio_cfg=2.0)
    assert tracing == [] and not compiled


@pytest.mark.slow
def test_warming_up_leaves_nothing_to_compile(random_checkpoint, picture, tone, compiled):
    animator = Animator(random_checkpoint)
    assert animator.warm_up() > 0
    compiled.clear()
    animator.animate(picture, tone, 16_000, crop=False)
    stream = animator.stream(picture, crop=False)
    stream.feed(tone, 16_000)
    assert len(list(stream.ready())) == 20 and not compiled


def test_warmup_loads_and_warms(checkpoint_folder, monkeypatch):
    warmed = []
    monkeypatch.setattr(Animator, "warm_up", lambda animator: warmed.append(animator))
    assert vasa_jax.warmup(checkpoint_folder) is warmed[0]


def test_animators_on_all_devices_share_the_files(exported, checkpoint_folder):
    assert [animator.image_size for animator in load_everywhere(exported=exported)] == [32]
    assert [animator.image_size for animator in load_everywhere(checkpoint_folder)] == [32]


def test_folders_that_are_refused(altered, tmp_path, checkpoint_folder):
    none = refusal(load, exported=tmp_path)
    assert none.startswith("no checkpoint in ")
    assert refusal(load, exported=checkpoint_folder) == (
        f"no exported programs in {checkpoint_folder}; python -m vasa_jax.export writes them"
    )
    assert refusal(load, checkpoint_folder, altered).startswith("exported programs bring their weights: give a check")
    index = json.loads((altered / exports.INDEX).read_text())
    for change, message in (
        ({"platforms": ["tpu", "cuda"]}, "are for tpu, cuda, this process computes on cpu"),
        ({"version": "0.0.1"}, "were exported by another version of vasa_jax: export them again"),
    ):
        (altered / exports.INDEX).write_text(json.dumps({**index, **change}))
        assert refusal(load, exported=altered) == f"the programs in {altered} {message}"


def test_damaged_programs_are_refused(altered, picture):
    path = altered / exports.PROGRAMS / "encode.jaxexport"
    whole = path.read_bytes()
    for broken, message in (
        (whole[: len(whole) // 2], f"an exported program is damaged or too old, export them again: {path}"),
        (b"", f"an exported program is damaged or too old, export them again: {path}"),
        (None, f"an exported program is missing: {path}"),
    ):
        path.unlink() if broken is None else path.write_bytes(broken)
        assert refusal(load(exported=altered).edit, picture, crop=False) == message


def test_the_command(tmp_path, checkpoint_folder, capsys):
    def refused(*words):
        assert export.main(["--checkpoint", str(checkpoint_folder), *map(str, words)]) == 2
        return capsys.readouterr().err.removeprefix("vasa_jax.export: error: ").strip()

    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    assert refused("--out", tmp_path / "full") == f"the folder is not empty: {tmp_path / 'full'}"
    assert refused("--out", tmp_path / "full" / "a.txt").startswith("the folder cannot be written (")
    unknown = "no platform is called 'abacus'; there are cpu, cuda, rocm, tpu"
    assert refused("--out", tmp_path / "a", "--platforms", "cpu,abacus") == unknown
    assert refused("--out", tmp_path / "a", "--checkpoint", tmp_path).startswith("no checkpoint in ")
    assert not (tmp_path / "a").exists()


def test_one_kind_of_weights(capsys):
    with pytest.raises(SystemExit):
        parse(["--exported", "a", "--checkpoint", "b"])
    assert "--checkpoint does not go with --exported, which brings its weights" in capsys.readouterr().err
