"""Frozen encoders as ears: clips of any length, in chunks as in one piece, on the right frame."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from vasa_jax.speech import SpeechEncoder, build_speech
from vasa_jax.speech.frozen import chunks
from vasa_jax.speech.frozen.read import read_encoder

WAV2VEC2 = {
    "kind": "wav2vec2",
    "feature_size": 16,
    "layers": 2,
    "heads": 2,
    "feedforward": 16,
    "position_taps": 8,
    "position_groups": 2,
    "channels": [8, 8, 8],
    "kernels": [10, 8, 16],
    "strides": [5, 8, 8],
    "margin_frames": 10,
}
ENCODERS = {
    "group": WAV2VEC2,
    "layer": {**WAV2VEC2, "norm": "layer", "bias": True, "norm_first": True},
    "whisper": {
        "kind": "whisper",
        "feature_size": 16,
        "layers": 2,
        "heads": 2,
        "feedforward": 16,
        "positions": 100,
        "bands": 10,
        "margin_frames": 10,
    },
}
FRAMES = 100
MINUTES = 10


@functools.cache
def built(name, **fields):
    """An encoder, a jitted call of it, and random parameters, which are the same for all fields."""
    model = build_speech({**ENCODERS[name], **fields})
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 1280)))
    generator = np.random.default_rng(0)

    def draw(path, leaf):
        noise = generator.normal(size=leaf.shape) / np.sqrt(np.prod(leaf.shape[:-1]))
        return (noise if len(leaf.shape) > 1 else 0.2 * noise + (path[-1].key in ("scale", "gain"))).astype(np.float32)

    return model, jax.jit(model.apply), jax.tree_util.tree_map_with_path(draw, shapes)


@pytest.fixture(scope="module")
def audio():
    """Noise that gets louder, so that moments of a part are not those of the whole."""
    return 0.1 * jax.random.normal(jax.random.key(0), (2, 640 * FRAMES)) * jnp.linspace(0.2, 2, 640 * FRAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
def test_one_standardised_feature_vector_a_frame(name, audio):
    model, encode, params = built(name)
    assert isinstance(model, SpeechEncoder) and model.look_ahead == float("inf")
    features = encode(params, audio)
    assert features.shape == (2, FRAMES, model.feature_size)
    assert jnp.abs(features.mean(-1)).max() < 1e-4 and jnp.abs(features.std(-1) - 1).max() < 1e-2
    np.testing.assert_allclose(encode(params, jnp.pad(audio, ((0, 0), (0, 639)), mode="edge")), features, atol=1e-5)
    assert np.isfinite(encode(params, jnp.zeros((1, 1280)))).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
def test_what_a_clip_is_filled_up_to_changes_nothing(name, audio):
    _, encode, params = built(name, **({} if name == "whisper" else {"window_frames": 50}))
    for frames in (30, 65):
        clip = audio[:, : 640 * frames]
        filled = jnp.pad(clip, ((0, 0), (0, 640 * (FRAMES - frames))))
        np.testing.assert_allclose(encode(params, filled)[:, :frames], encode(params, clip), atol=1e-4)


@pytest.mark.parametrize("name", ["group", "layer"])
def test_convolutions_in_chunks_are_those_of_one_piece(name, audio):
    """Layer 0 hears by convolutions alone, less far than the margin: to float error, the clip's moments included."""
    _, whole, params = built(name, layer=0)
    _, chunked, _ = built(name, layer=0, window_frames=50)
    np.testing.assert_allclose(chunked(params, audio), whole(params, audio), atol=1e-4)
    _, narrow, _ = built(name, layer=0, window_frames=50, margin_frames=0)
    assert jnp.abs(narrow(params, audio) - whole(params, audio)).max() > 1e-2


def test_a_chunk_by_itself_would_not_do(audio):
    """The base layout's first norm is over time: without the clip's moments a part is another clip."""
    _, encode, params = built("group", layer=0)
    difference = encode(params, audio[:, : 640 * 60])[:, :40] - encode(params, audio)[:, :40]
    assert jnp.abs(difference).max() > 1e-2


@pytest.mark.parametrize("name", ["group", "layer"])
def test_attention_in_chunks_is_nearly_that_of_one_piece(name, audio):
    """On random weights, whose attention reaches everywhere, within 0.2 (root mean square) of a deviation of 1."""
    _, whole, params = built(name)

    def difference(window):
        chunked = built(name, window_frames=window)[1](params, audio)
        return float(jnp.sqrt(((chunked - whole(params, audio)) ** 2).mean()))

    assert 0 < difference(80) < 0.2 and difference(80) < difference(50)


def test_moments_are_those_of_the_whole_convolution(audio):
    model, _, params = built("group")
    bound = model.bind(params).extractor
    blocked = jnp.pad(audio, ((0, 0), (0, 5 * 16_000)))  # two blocks
    for length in (9, 4001, audio.shape[1]):
        found = jax.jit(lambda x, n: bound.moments(x, n))(blocked, jnp.array([length, length]))
        outputs = bound.convolutions[0](audio[:, : max(length, 10), None])
        np.testing.assert_allclose(found.mean, outputs.mean(1), atol=1e-5)
        np.testing.assert_allclose(found.variance, outputs.var(1), rtol=1e-4, atol=1e-7)


def test_chunks_cover_each_frame_once_and_none_twice():
    for frames in (1, 39, 40, 41, 70, 100, 101):
        starts = chunks.starts_of(frames, window=50, margin=10)
        parts = chunks.cut(jnp.arange(1.0, frames + 1)[None, :, None], starts, 50)
        np.testing.assert_array_equal(chunks.join(parts, 10, frames)[0, :, 0], np.arange(1, frames + 1))
        assert len(starts) == 1 or starts[-2] + 40 < frames
    with pytest.raises(ValueError, match="leave nothing of a window of 20"):
        chunks.starts_of(1, window=20, margin=10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
def test_a_click_at_minute_nine_fifty_nine_lands_on_its_frame(name):
    _, encode, params = built(name, layer=0, **({"positions": 1500} if name == "whisper" else {"window_frames": 750}))
    hiss = 0.01 * np.random.default_rng(0).normal(size=(1, 16_000 * 60 * MINUTES)).astype(np.float32)
    frame = 25 * (60 * MINUTES - 1) + 7
    clicked = hiss.copy()
    clicked[0, 640 * frame + 300 : 640 * frame + 340] += 0.5
    change = np.abs(encode(params, clicked) - encode(params, hiss))[0].sum(1)
    assert len(change) == 25 * 60 * MINUTES
    change[-1] = 0  # Whisper's last frame hears the silence after it, whose level goes with the loudest moment
    assert change.argmax() == frame
    near = slice(frame - 8, frame + 9)
    weights = np.maximum(change[near] - np.median(change), 0) ** 2
    assert abs((weights * np.arange(-8, 9)).sum() / weights.sum()) < 0.6


@pytest.mark.slow
def test_whispers_features_hardly_know_their_place_in_the_window(assets):
    """The same real speech two seconds earlier in its window: half of the components change by less than a twentieth
    of their variance."""
    config, params = read_encoder(assets / "whisper_tiny_en" / "whisper_tiny_en_encoder.npz", layer=2)
    encode = jax.jit(build_speech(config).apply)
    clips = [json.loads(line)["file"] for line in (assets / "speech" / "manifest.jsonl").read_text().splitlines()[:8]]
    speech = np.concatenate([soundfile.read(assets / "speech" / file, dtype="float32")[0] for file in clips])
    speech = speech[: 25 * 16_000][None]
    here = encode({"params": params}, speech)[0, 100:-50]
    there = encode({"params": params}, np.roll(speech, -50 * 640, 1))[0, 50:-100]
    change = ((here - there) ** 2).mean(0) / here.var(0)
    assert 0 < np.median(change) < 0.05
