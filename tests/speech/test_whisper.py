"""Whisper's encoder and spectrogram agree with `transformers`, and both layouts of its file are the same network."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from vasa_jax.errors import UserError
from vasa_jax.speech import build_speech, phone_targets
from vasa_jax.speech.frozen import whisper_mel
from vasa_jax.speech.frozen.read import read_encoder

NAMES = {
    "q_proj k_proj v_proj": "self_attention/linear_0",
    "out_proj": "self_attention/linear_1",
    "self_attn_layer_norm": "self_attention/layer_norm",
    "fc1": "ffn/linear_0",
    "fc2": "ffn/linear_1",
    "final_layer_norm": "ffn/layer_norm",
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model of `transformers`, and the folder of its file."""
    pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("whisper")
    theirs = pytest.importorskip("foreign_models").whisper()
    theirs.save_pretrained(folder)
    return theirs, folder


def test_all_hidden_states_agree(saved):
    theirs, folder = saved
    torch, foreign = pytest.importorskip("torch"), pytest.importorskip("foreign_models")
    mel = np.random.default_rng(0).normal(size=(2, 3000, 80)).astype(np.float32)
    with torch.no_grad():
        wanted = theirs.encoder(torch.from_numpy(mel).transpose(1, 2), output_hidden_states=True)
    config, params = read_encoder(folder)
    model = build_speech(config)
    found = jax.jit(lambda p, x: model.apply({"params": p}, x, method="encode"))(params, mel)
    states = foreign.hidden_states(wanted)
    assert len(found) == len(states) == 3
    for ours, state in zip(found, states, strict=True):
        assert np.abs(state).max() > 0.5
        np.testing.assert_allclose(ours, state, rtol=0, atol=1e-4)


@pytest.mark.parametrize("bands", [80, 128])
def test_the_spectrogram_is_that_of_the_feature_extractor(bands):
    transformers = pytest.importorskip("transformers")
    generator = np.random.default_rng(0)
    audio = (0.1 * np.sin(np.cumsum(np.linspace(0.05, 2, 48000))) + 0.01 * generator.normal(size=48000)).astype("f4")
    theirs = transformers.WhisperFeatureExtractor(feature_size=bands)(audio, sampling_rate=16000)["input_features"][0]
    ours = whisper_mel.log_mel(jnp.pad(audio, (0, 480000 - 48000))[None], bands)[0]
    np.testing.assert_allclose(ours, np.transpose(theirs), atol=1e-4)


def packed(theirs) -> dict[str, np.ndarray]:
    """The weights by CTranslate2's names."""
    state = {name: value.numpy() for name, value in theirs.encoder.state_dict().items()}
    result = {
        "encoder/num_heads": np.float16(3),
        "encoder/position_encodings/encodings": state["embed_positions.weight"],
    }
    for name in ("conv1", "conv2"):
        result |= {f"encoder/{name}/{part}": state[f"{name}.{part}"] for part in ("weight", "bias")}
    for part, packed_part in (("weight", "gamma"), ("bias", "beta")):
        result[f"encoder/layer_norm/{packed_part}"] = state[f"layer_norm.{part}"]
        for layer in range(2):
            for names, ours in NAMES.items():
                inner = [
                    f"layers.{layer}.{'self_attn.' * name.endswith('proj')}{name}.{part}" for name in names.split()
                ]
                key = f"encoder/layer_{layer}/{ours}/{packed_part if 'norm' in ours else part}"
                result[key] = np.concatenate([state.get(name, np.zeros(24, "f4")) for name in inner])
    return result


def test_both_layouts_are_the_same_network(saved, tmp_path):
    theirs, folder = saved
    config, params = read_encoder(folder)
    np.savez(tmp_path / "packed.npz", **packed(theirs))
    again, unpacked = read_encoder(tmp_path / "packed.npz")
    assert again == config
    jax.tree.map(np.testing.assert_array_equal, unpacked, params)


def test_the_real_file_tells_phones_apart_when_they_are_spoken(assets):
    """Frames of one phone are nearer to each other than others are, by area; less so if phones are moved in time."""
    config, params = read_encoder(assets / "whisper_tiny_en" / "whisper_tiny_en_encoder.npz")
    assert build_speech(config) == build_speech({"kind": "whisper"}), "the fields' defaults are tiny.en"
    model = build_speech({**config, "layer": 2})
    clip = next(json.loads(line) for line in (assets / "speech" / "manifest.jsonl").open())
    audio, _ = soundfile.read(assets / "speech" / clip["file"], dtype="float32")
    features = np.asarray(jax.jit(lambda p, x: model.apply({"params": p}, x))(params, audio[None]))[0]
    features = (features - features.mean(0)) / features.std(0)
    first, second = np.triu_indices(len(features), 6)
    near = (features[first] * features[second]).mean(1)
    phones = phone_targets(*zip(*clip["phones"], strict=True), len(features))[:, 0]

    def area(moved: int) -> float:
        spoken = np.roll(phones, moved)
        same, some = spoken[first] == spoken[second], (spoken[first] > 0) | (spoken[second] > 0)
        ranks = near[some].argsort().argsort()
        return (ranks[same[some]].mean() - (same[some].sum() - 1) / 2) / (~same[some]).sum()

    assert area(0) > 0.8
    assert area(0) > max(area(-2), area(2)) + 0.05


def test_a_wrong_file_is_one_line(saved, tmp_path):
    with pytest.raises(UserError, match=r"no file of weights at .*absent\.npz; expected .*openai/whisper-tiny\.en"):
        read_encoder(tmp_path / "absent.npz")
    weights = packed(saved[0])
    del weights["encoder/layer_1/ffn/linear_1/bias"]
    np.savez(tmp_path / "part.npz", **weights)
    with pytest.raises(UserError, match=r"\(encoder\.layers\.1\.fc2\.bias is missing\); expected") as caught:
        read_encoder(tmp_path / "part.npz")
    assert "\n" not in str(caught.value)
    (tmp_path / "part.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(UserError, match="is not a speech encoder"):
        read_encoder(tmp_path / "part.npz")
