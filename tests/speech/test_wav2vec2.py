"""Wav2Vec2 and HuBERT agree with `transformers` on the same random weights, read from the files that it writes."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.errors import UserError
from vasa_jax.speech import build_speech
from vasa_jax.speech.frozen.read import read_encoder

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
foreign = pytest.importorskip("foreign_models")


def states_of(folder, audio):
    """Convolution features and all hidden states by our network, with the weights in `folder`."""
    config, params = read_encoder(folder)
    model, variables = build_speech(config), {"params": params}
    features = model.apply(variables, audio, method="extract")
    return features, jax.jit(lambda v, x: model.apply(v, x, method="encode"))(variables, features)


@torch.no_grad()
def assert_agrees(theirs, folder, samples):
    theirs.save_pretrained(folder)
    audio = np.random.default_rng(0).normal(size=(2, samples)).astype(np.float32)
    wanted = theirs(torch.from_numpy(audio), output_hidden_states=True)
    features, found = states_of(folder, audio)
    extracted = theirs.feature_extractor(torch.from_numpy(audio)).transpose(1, 2)
    np.testing.assert_allclose(features, extracted, rtol=0, atol=1e-4)
    states = foreign.hidden_states(wanted)
    assert len(found) == len(states) == theirs.config.num_hidden_layers + 1
    for ours, state in zip(found, states, strict=True):
        assert np.abs(state).max() > 0.5
        np.testing.assert_allclose(ours, state, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("layout", foreign.LAYOUTS)
def test_all_hidden_states_agree(tmp_path, layout):
    assert_agrees(foreign.wav2vec2(layout), tmp_path, 8000)


def test_hubert_agrees(tmp_path):
    assert_agrees(foreign.wav2vec2(kind="Hubert"), tmp_path, 8000)


@pytest.mark.slow
def test_the_base_config_agrees(tmp_path):
    config = foreign.transformers.Wav2Vec2Config()
    assert_agrees(foreign.randomise(foreign.transformers.Wav2Vec2Model(config)), tmp_path, 16000)
    model, _ = read_encoder(tmp_path)
    assert build_speech(model) == build_speech({"kind": "wav2vec2"}), "the fields' defaults are the base model"


def test_what_lies_outside_the_clip_changes_nothing_inside(tmp_path):
    theirs = foreign.wav2vec2("large")
    theirs.save_pretrained(tmp_path)
    config, params = read_encoder(tmp_path)
    model = build_speech(config)
    features = jax.random.normal(jax.random.key(0), (1, 40, 20))
    heard = jnp.arange(40)[None] < 25
    encode = jax.jit(lambda x, heard: model.apply({"params": params}, x, heard, method="encode"))
    for whole, filled in zip(encode(features[:, :25], heard[:, :25]), encode(features, heard), strict=True):
        np.testing.assert_allclose(whole, filled[:, :25], atol=1e-5)


def test_the_older_files_and_those_of_other_heads_are_read(tmp_path):
    theirs = foreign.wav2vec2()
    theirs.save_pretrained(tmp_path)
    _, wanted = read_encoder(tmp_path)
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    state = {"masked_spec_embed": torch.zeros(32), "lm_head.weight": torch.zeros(9, 32), "lm_head.bias": torch.zeros(9)}
    for name, value in theirs.state_dict().items():
        for new, old in names.items():
            name = name.replace(new, old)
        state[f"wav2vec2.{name}"] = value
    state["wav2vec2.masked_spec_embed"] = torch.zeros(32)
    (tmp_path / "model.safetensors").unlink()
    torch.save(state, tmp_path / "pytorch_model.bin")
    for path in (tmp_path, tmp_path / "pytorch_model.bin"):
        config, found = read_encoder(path)
        jax.tree.map(np.testing.assert_array_equal, found, wanted)
    shapes = jax.eval_shape(build_speech(config).init, jax.random.key(0), jnp.zeros((1, 1280)))["params"]
    assert jax.tree.map(np.shape, found) == jax.tree.map(np.shape, shapes)


def test_the_preprocessor_says_whether_audio_is_scaled(tmp_path):
    foreign.wav2vec2().save_pretrained(tmp_path)
    assert read_encoder(tmp_path)[0]["normalise"] is True
    (tmp_path / "preprocessor_config.json").write_text('{"do_normalize": false}')
    assert read_encoder(tmp_path, layer=1)[0]["normalise"] is False


def broken(folder, message, **tensors):
    """The folder's file with some tensors changed, or taken out where None is given, is refused."""
    torch.save({k: v for k, v in tensors.items() if v is not None}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=message) as caught:
        read_encoder(folder)
    assert "\n" not in str(caught.value)


def test_a_wrong_file_is_one_line_that_names_what_is_wrong(tmp_path):
    with pytest.raises(UserError, match=r"no config\.json in .*facebook/wav2vec2-base-960h.*wav2vec2-large-lv60"):
        read_encoder(tmp_path / "absent.safetensors")
    foreign.wav2vec2().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"has no model\.safetensors or pytorch_model\.bin; expected a folder with"):
        read_encoder(tmp_path)
    state = foreign.wav2vec2().state_dict()
    name = "encoder.layers.1.attention.k_proj.weight"
    broken(tmp_path, rf"\({name} is missing\); expected", **{**state, name: None})
    broken(tmp_path, r"k_proj\.weight has shape \(3, 3\), \(32, 32\) is needed", **{**state, name: torch.zeros(3, 3)})
    broken(tmp_path, r"\(encoder\.more has no place in the network\)", **state, **{"encoder.more": torch.zeros(1)})
    config = json.loads((tmp_path / "config.json").read_text())
    for change, message in (({"add_adapter": True}, "add_adapter is True"), ({"model_type": "bert"}, "'bert'")):
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        broken(tmp_path, message, **state)
    (tmp_path / "config.json").write_text(json.dumps(config))
    torch.save(state, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"--layer must be between -1 and 2, not 3"):
        read_encoder(tmp_path, layer=3)
