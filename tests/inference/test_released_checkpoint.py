"""Released folders: what is written is read, and whatever does not fit is named."""

import copy
import json

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from vasa_jax import checkpoint as checkpoints
from vasa_jax import pretrained
from vasa_jax.checkpoint import Checkpoint
from vasa_jax.errors import UserError


@pytest.fixture
def config(random_checkpoint):
    return copy.deepcopy(dict(random_checkpoint.config))


@pytest.fixture
def folder(random_checkpoint, tmp_path):
    checkpoints.save(tmp_path, random_checkpoint)
    return tmp_path


def refusal(folder):
    with pytest.raises(UserError) as error:
        checkpoints.load(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)
    return str(error.value).removesuffix(f": {folder}")


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float16, 1e-3), (np.float32, 0)])
def test_round_trip(random_checkpoint, tmp_path, dtype, tolerance):
    checkpoints.save(tmp_path / "new" / "folder", random_checkpoint, dtype)
    stored = load_file(tmp_path / "new" / "folder" / "weights.safetensors")
    assert {x.dtype for x in stored.values()} == {np.dtype(dtype)}
    assert {name.split("/")[0] for name in stored} == {"face", "motion", "speech"}
    loaded = checkpoints.load(tmp_path / "new" / "folder")
    assert loaded.config == random_checkpoint.config
    assert loaded.mean_distance == 1.1 and loaded.statistics.mean.shape == (13,)
    for old, new in zip(*map(jax.tree.leaves, (random_checkpoint.params, loaded.params)), strict=True):
        assert new.dtype == np.float32
        np.testing.assert_allclose(new, old, rtol=tolerance, atol=tolerance / 10)


def test_heads_of_training_are_not_released(random_checkpoint, tmp_path):
    params = copy.deepcopy(random_checkpoint.params)
    params["speech"]["phone_head"] = {"kernel": np.zeros((8, 80), np.float32)}
    checkpoints.save(tmp_path, Checkpoint(random_checkpoint.config, params))
    assert not any("phone_head" in name for name in load_file(tmp_path / "weights.safetensors"))


def test_values_too_large_for_half_precision_are_not_written(random_checkpoint, tmp_path):
    params = copy.deepcopy(random_checkpoint.params)
    leaves = jax.tree.leaves(params)
    leaves[0].flat[0] = 1e6
    with pytest.raises(UserError, match="does not fit into float16"):
        checkpoints.save(tmp_path, Checkpoint(random_checkpoint.config, params))


def test_saving_what_does_not_fit_is_refused(random_checkpoint, config, tmp_path):
    config["motion"]["width"] = 32
    with pytest.raises(UserError, match="of another size or kind: motion/"):
        checkpoints.save(tmp_path, Checkpoint(config, random_checkpoint.params))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("motion", "width", 32, "a checkpoint of another size or kind: motion/"),
        ("motion", "layers", 2, "a checkpoint of another size or kind: motion/"),
        ("motion", "colour", 2, "the checkpoint's config.json describes networks unknown to this version"),
        ("motion", "motion_size", 14, "the checkpoint does not fit together: motion vector of 14 where 13"),
        ("speech", "feature_size", 9, "the checkpoint does not fit together: speech feature of 8 where 9"),
        ("speech", "kind", "telepathy", "the checkpoint's config.json describes networks unknown"),
        ("face", "renderer", None, "the checkpoint's config.json describes networks unknown"),
        ("statistics", "mean", [0.0] * 13 + [1.0], "the checkpoint's statistics are not usable numbers"),
        ("statistics", "std", [0.0] * 13, "the checkpoint's statistics are not usable numbers"),
        ("statistics", "mean", [float("nan")] * 13, "the checkpoint's statistics are not usable numbers"),
        ("statistics", "distance", {}, "the checkpoint's statistics lack mean, std or distance"),
    ],
)
def test_configs_that_do_not_fit(folder, config, section, field, value, message):
    config[section][field] = value
    (folder / "config.json").write_text(json.dumps(config))
    assert refusal(folder).startswith(message)


def test_statistics_of_another_size(folder, config):
    config["statistics"] |= {"mean": [0.0] * 12, "std": [1.0] * 12}
    (folder / "config.json").write_text(json.dumps(config))
    assert refusal(folder) == "the checkpoint does not fit together: statistics of 12 where 13 are needed"


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_the_first_mismatch_is_named(folder, change):
    weights = load_file(folder / "weights.safetensors")
    name = sorted(weights)[3]
    shape = weights[name].shape
    if change == "missing":
        del weights[name]
        message = f"{name} is missing"
    elif change == "extra":
        weights["face/a"] = np.zeros(3, np.float16)
        message = "face/a is not in the networks of its config"
    else:
        weights[name] = np.zeros((*shape, 2), np.float16)
        message = f"{name} has shape {(*shape, 2)}, its config asks for {shape}"
    save_file(weights, folder / "weights.safetensors")
    assert refusal(folder) == f"a checkpoint of another size or kind: {message}"


def test_missing_and_damaged_files(folder, tmp_path, config):
    assert refusal(tmp_path / "none") == f"no checkpoint in {tmp_path / 'none'}: config.json is missing"
    weights, text = folder / "weights.safetensors", folder / "config.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    assert refusal(folder) == "the checkpoint's weights.safetensors is damaged"
    weights.unlink()
    assert refusal(folder) == f"no checkpoint in {folder}: weights.safetensors is missing"
    text.write_text(json.dumps({**config, "format": 2}))
    assert refusal(folder) == "the checkpoint has format 2, this version reads 1"
    for wrong, message in (
        ("{", "the checkpoint's config.json cannot be read"),
        ("[]", "the checkpoint's config.json has no proper 'format'"),
        (json.dumps({**config, "face": 3}), "the checkpoint's config.json has no proper 'face'"),
    ):
        text.write_text(wrong)
        assert refusal(folder) == message


def test_an_installation_without_weights_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    for call in (pretrained.path, pretrained.portrait, pretrained.speech):
        with pytest.raises(UserError, match=r"this installation ships no .*; give your own --checkpoint"):
            call()
