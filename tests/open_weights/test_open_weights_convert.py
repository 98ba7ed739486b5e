"""Published files become a checkpoint; names and shapes count, a wrong file is one line, a hostile one is not run."""

import json
import os
import pickle
import shutil

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from published_files import PUBLISHED_NETWORKS, SMALL_NETWORKS, face_layouts, motion_template

from vasa_jax import checkpoint
from vasa_jax.errors import UserError
from vasa_jax.models import Models
from vasa_jax.motion import Statistics
from vasa_jax.open_weights.convert import FACE, MOTION, SMALL, SPEECH, convert, main
from vasa_jax.open_weights.files import joyvasa, layouts
from vasa_jax.torch_file import read_weights


def converted(folders, out, **options):
    convert(folders["liveportrait"], folders["joyvasa"], folders["hubert"], out, networks=SMALL_NETWORKS, **options)
    return checkpoint.load(out)


@pytest.fixture
def copied(published, tmp_path):
    """Folders of published files that a test may spoil."""
    top = published["hubert"].parent
    shutil.copytree(top, tmp_path / "files")
    return {name: tmp_path / "files" / folder.relative_to(top) for name, folder in published.items()}


def full_size(assets, name):
    return json.loads((assets / f"open_weights/{name}_shapes.json").read_text())


def as_lists(layout):
    return {name: list(shape) for name, shape in layout.items()}


def test_the_layouts_are_the_published_files_name_by_name(assets):
    models = Models.build(PUBLISHED_NETWORKS)
    shapes = full_size(assets, "liveportrait")
    for stem, layout in face_layouts(models.face).items():
        assert as_lists(layout) == shapes[stem]
    for section, network in {
        "stitching": "stitching",
        "retargeting_lip": "lip_retargeting",
        "retargeting_eye": "eye_retargeting",
    }.items():
        _, widths, inputs, outputs = SMALL[network]
        assert as_lists(layouts.mlp(inputs, widths, outputs)) == shapes[section]


def test_the_layout_of_joyvasa_is_the_published_one(assets):
    shapes = full_size(assets, "joyvasa")
    listed = {}
    for part, below in shapes.items():
        listed |= (
            {f"{part}.{name}": shape for name, shape in below.items()} if isinstance(below, dict) else {part: below}
        )
    assert as_lists(layouts.joyvasa(Models.build(PUBLISHED_NETWORKS).motion)) == listed


def test_the_command_converts_the_published_sizes():
    assert {"face": FACE, "motion": MOTION, "speech": SPEECH} == PUBLISHED_NETWORKS


def test_a_checkpoint_of_ours_comes_out(published, tmp_path):
    found = converted(published, tmp_path / "out", dtype="float32")
    expected = jax.eval_shape(found.models.init, jax.random.key(0))
    assert jax.tree.map(np.shape, found.params) == jax.tree.map(lambda x: x.shape, expected)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(found.params))
    halved = converted(published, tmp_path / "half")
    for name, value in flatten_dict(halved.params).items():
        np.testing.assert_allclose(value, flatten_dict(found.params)[name], atol=1e-2)


def test_every_array_of_a_file_counts(published, tmp_path):
    """Turning any one array round changes the parameters: nothing is read and dropped, but for what is optional."""
    models = Models.build(SMALL_NETWORKS)
    weights = read_weights(published["liveportrait"] / "base_models/spade_generator.pth")
    from vasa_jax.open_weights.files import liveportrait

    before = jax.tree.leaves(liveportrait.generator(models.face.generator, weights))
    for name, value in weights.items():
        after = jax.tree.leaves(liveportrait.generator(models.face.generator, weights | {name: value * 1.5 + 0.1}))
        assert any(not np.array_equal(x, y) for x, y in zip(before, after, strict=True)), name


def test_statistics_bring_the_networks_motion_into_our_units():
    """-1 to 1 of the generator's numbers: angles in radians with our signs, the rest as it is."""
    template = motion_template()
    found = joyvasa.statistics({name: np.asarray(x) for name, x in template.items()})
    statistics = Statistics(np.array(found["mean"]), np.array(found["std"]))
    theirs = np.zeros(76)
    theirs[63:70] = [0.5, 1, 0, 0, 1, 0, 0.25]  # of each range: scale, t, pitch, yaw, roll
    theirs[0] = 2.0
    ours = statistics.restore(joyvasa.SIGNS * theirs[list(joyvasa.ORDER)])
    np.testing.assert_allclose(ours[:3], np.deg2rad([30, 20, 7.5]) * [1, 1, 1], atol=1e-6)
    np.testing.assert_allclose(ours[3:7], [0.1, 0.05, 0, 1.4], atol=1e-6)
    np.testing.assert_allclose(ours[7], -0.01 + 2 * 0.01, atol=1e-6)
    assert found["std"][-6:] == [1] * 6


def test_the_speech_network_inside_joyvasas_file_wins(copied, tmp_path):
    torch = pytest.importorskip("torch")
    path = copied["joyvasa"] / "motion_generator/motion_generator_hubert_chinese.pt"
    inner = torch.load(copied["hubert"] / "pytorch_model.bin")
    inner["encoder.layer_norm.bias"] += 1
    content = torch.load(path, weights_only=False)
    content["model"] |= {f"audio_encoder.{name}": value for name, value in inner.items()}
    torch.save(content, path)
    convert(copied["liveportrait"], copied["joyvasa"], None, tmp_path / "out", networks=SMALL_NETWORKS)
    found = checkpoint.load(tmp_path / "out").params["speech"]["encoder"]["norm"]["bias"]
    np.testing.assert_allclose(found, inner["encoder.layer_norm.bias"].numpy(), atol=1e-2)


def test_mirrors_in_safetensors_do_as_well(copied, published, tmp_path):
    from safetensors.numpy import save_file

    for path in sorted(copied["liveportrait"].rglob("*.pth")):
        weights = read_weights(path)
        save_file(
            {name.replace(".module.", "_module.", 1): x for name, x in weights.items()},
            path.with_suffix(".safetensors"),
        )
        path.unlink()
    same, other = (converted(folders, tmp_path / name) for name, folders in {"a": published, "b": copied}.items())
    jax.tree.map(np.testing.assert_array_equal, same.params, other.params)


def test_animals_are_another_model(copied, tmp_path):
    animals = copied["liveportrait"] / "liveportrait_animals"
    animals.mkdir()
    (copied["liveportrait"] / "base_models/warping_module.pth").rename(animals / "warping_module.pth")
    with pytest.raises(UserError, match=r"^no warping_module\.pth or .*"):
        converted(copied, tmp_path / "out")


ORIGIN = "of LivePortrait (MIT), huggingface.co/KwaiVGI/LivePortrait"


@pytest.mark.parametrize("spoil, told", [
    (lambda base: (base / "motion_extractor.pth").unlink(),
     "no motion_extractor.pth or motion_extractor.safetensors in {liveportrait}: "
     f"it is liveportrait/base_models/motion_extractor.pth {ORIGIN}"),
    (lambda base: (base / "warping_module.pth").rename(base / "spade_generator.pth"),
     "no warping_module.pth or warping_module.safetensors in {liveportrait}: "
     f"it is liveportrait/base_models/warping_module.pth {ORIGIN}"),
    (lambda base: shutil.copy(base / "warping_module.pth", base / "spade_generator.pth"),
     "{liveportrait}/base_models/spade_generator.pth is another file: G_middle_0.conv_0.bias is missing; "
     f"expected liveportrait/base_models/spade_generator.pth {ORIGIN}"),
])  # fmt: skip
def test_a_missing_or_renamed_file_is_one_line(copied, tmp_path, spoil, told):
    spoil(copied["liveportrait"] / "base_models")
    with pytest.raises(UserError) as caught:
        converted(copied, tmp_path / "out")
    assert str(caught.value) == told.format(**copied)
    assert not (tmp_path / "out").exists()


def test_a_partial_file_names_what_is_missing(copied, tmp_path):
    torch = pytest.importorskip("torch")
    path = copied["liveportrait"] / "base_models/appearance_feature_extractor.pth"
    content = torch.load(path)
    del content["second.bias"], content["first.norm.num_batches_tracked"]
    torch.save(content, path)
    with pytest.raises(
        UserError, match=r"is another file: second\.bias is missing; expected liveportrait/base_models/"
    ):
        converted(copied, tmp_path / "out")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match=r"is not a file of weights .*; expected liveportrait/base_models/appearance"):
        converted(copied, tmp_path / "out")


def test_other_shapes_and_names_are_told(copied, tmp_path):
    torch = pytest.importorskip("torch")
    path = copied["joyvasa"] / "motion_generator/motion_generator_hubert_chinese.pt"
    content = torch.load(path, weights_only=False)
    kept = content["model"]["start_motion_feat"]
    content["model"]["start_motion_feat"] = kept[:, :1]
    torch.save(content, path)
    with pytest.raises(
        UserError, match=r"start_motion_feat has the shape \(1, 1, 76\), not \(1, 2, 76\); expected motion_gen"
    ):
        converted(copied, tmp_path / "out")
    content["model"] |= {"start_motion_feat": kept, "emotion.weight": kept}
    torch.save(content, path)
    with pytest.raises(
        UserError, match=r"emotion\.weight does not belong to it; expected motion_generator/.* of JoyVASA"
    ):
        converted(copied, tmp_path / "out")


def test_no_speech_network_anywhere(copied, tmp_path):
    with pytest.raises(UserError, match=r"does not hold its speech network: give --hubert, the folder of huggingface"):
        convert(copied["liveportrait"], copied["joyvasa"], None, tmp_path / "out", networks=SMALL_NETWORKS)
    (copied["hubert"] / "pytorch_model.bin").unlink()
    with pytest.raises(UserError, match=r"^no model\.safetensors or pytorch_model\.bin in .*: it is of huggingface"):
        converted(copied, tmp_path / "out")


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("which", ["weights", "template"])
def test_a_hostile_file_is_refused_unrun(copied, tmp_path, which):
    torch = pytest.importorskip("torch")
    trace = tmp_path / "trace"
    if which == "weights":
        path = copied["joyvasa"] / "motion_generator/motion_generator_hubert_chinese.pt"
        torch.save({"args": Hostile(trace), "model": {}}, path)
    else:
        path = copied["joyvasa"] / "motion_template/motion_template.pkl"
        path.write_bytes(pickle.dumps(motion_template() | {"note": Hostile(trace)}))
    with pytest.raises(UserError, match=r"asks for posix\.system, and .*; nothing of it was run\); expected motion_"):
        converted(copied, tmp_path / "out")
    assert not trace.exists() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_every_pickle_protocol_come_back(tmp_path, protocol):
    from vasa_jax.open_weights.files.array_pickle import read_arrays

    content = motion_template() | {
        "turned": np.arange(6.0).reshape(2, 3).T,
        "n_frames": 7,
        "motion": [{"a": np.ones(2)}],
    }
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content, protocol))
    found = read_arrays(tmp_path / "x.pkl", "it")
    assert found.keys() == content.keys() - {"motion"}
    for name, value in found.items():
        np.testing.assert_array_equal(value, content[name])


@pytest.mark.parametrize("content, told", [
    (np.array([None, {}], object), "something else than numbers|not of plain"),
    ([1, 2], "holds no dict"),
])  # fmt: skip
def test_other_pickles_are_refused(tmp_path, content, told):
    from vasa_jax.open_weights.files.array_pickle import read_arrays

    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": content} if isinstance(content, np.ndarray) else content))
    with pytest.raises(UserError, match=rf"is not a pickle of arrays \(.*({told}).*\); expected it"):
        read_arrays(tmp_path / "x.pkl", "it")


def test_the_command_tells_a_mistake_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["--liveportrait", str(tmp_path), "--joyvasa", str(tmp_path), "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("convert: no ") and told.count("\n") == 1
