"""The streaming encoder: what it may hear, that a stream equals the whole, and its size."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vasa_jax.speech import PHONES, SpeechEncoder, build_speech
from vasa_jax.speech.losses import phone_loss

FRAMES = 40


@pytest.fixture(scope="module")
def encoder():
    return build_speech({})


@pytest.fixture(scope="module")
def audio():
    return 0.1 * jax.random.normal(jax.random.key(0), (1, 640 * FRAMES))


@pytest.fixture(scope="module")
def variables(encoder, audio):
    return jax.jit(lambda k, a: encoder.init(k, a, method="phone_logits"))(jax.random.key(1), audio)


@pytest.fixture(scope="module")
def encode(encoder, variables):
    return jax.jit(lambda audio: encoder.apply(variables, audio))


def test_one_feature_a_frame(encoder, variables, encode, audio):
    assert isinstance(encoder, SpeechEncoder)
    assert encode(audio).shape == (1, FRAMES, encoder.feature_size)
    longer = jnp.pad(audio, ((0, 0), (0, 639)))
    assert jax.eval_shape(encode, longer).shape[1] == FRAMES
    logits = jax.eval_shape(lambda: encoder.apply(variables, audio, method="phone_logits"))
    assert logits.shape == (1, FRAMES, 2, len(PHONES))
    assert np.isfinite(encode(jnp.zeros_like(audio))).all()


def test_clips_from_json_build_the_same_module(encoder):
    assert hash(build_speech({"kind": "streaming", "slow_dilations": [1, 2]})) == hash(encoder)
    with pytest.raises(ValueError, match="no speech encoder is called 'ear'"):
        build_speech({"kind": "ear"})


def test_small_with_a_second_of_context(encoder, variables):
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) < 1_000_000
    assert encoder.look_ahead == pytest.approx(0.16)
    assert 0.6 < encoder.context / 16000 < 1.0


@pytest.mark.parametrize("frame", [0, 7, 20])
def test_nothing_later_than_the_look_ahead_is_heard(encoder, encode, audio, frame):
    end = 640 * (frame + 1) + round(encoder.look_ahead * 16000)
    before = encode(audio)
    np.testing.assert_array_equal(before[:, : frame + 1], encode(audio.at[:, end:].add(0.3))[:, : frame + 1])
    inside = encode(audio.at[:, end - 160 : end].add(0.3 * audio[:, :160]))
    assert np.abs(before - inside)[:, frame].max() > 1e-5


def test_nothing_older_than_the_context_is_heard(encoder, encode, audio):
    first = 35
    oldest = 640 * (first + encoder.look_ahead_frames) - encoder.context
    before, after = encode(audio), encode(audio.at[:, :oldest].set(0.0))
    np.testing.assert_array_equal(before[:, first:], after[:, first:])
    assert np.abs(before - after)[:, first - 1].max() > 0


def test_a_stream_in_chunks_equals_the_whole(encoder, variables, encode, audio):
    stream = jax.jit(lambda s, c: encoder.apply(variables, s, c, method="stream"))
    ahead = encoder.look_ahead_frames
    flushed = jnp.pad(audio, ((0, 0), (0, 640 * ahead)))
    state, parts = encoder.initial_state(1), []
    for chunk in jnp.split(flushed, (FRAMES + ahead) // 4, axis=1):
        state, features = stream(state, chunk)
        parts.append(features)
    np.testing.assert_allclose(jnp.concatenate(parts, 1)[:, ahead:], encode(audio), atol=1e-4)


@pytest.mark.slow
def test_phones_of_two_clips_are_learned_with_finite_gradients(encoder, variables, audio):
    clips = audio.reshape(2, -1)
    targets = jax.random.randint(jax.random.key(2), (2, FRAMES // 2, 2), 0, len(PHONES))
    optimiser = optax.adam(2e-3)

    def objective(weights):
        return phone_loss(encoder.apply(weights, clips, method="phone_logits"), targets)

    def train(carry, _):
        weights, memory = carry
        value, gradients = jax.value_and_grad(objective)(weights)
        updates, memory = optimiser.update(gradients, memory)
        return (optax.apply_updates(weights, updates), memory), value

    @jax.jit
    def run(weights):
        return jax.lax.scan(train, (weights, optimiser.init(weights)), length=60)[1]

    values = run(variables)
    assert np.isfinite(values).all()
    assert values[-1] < 0.2 * values[0]


def test_a_minute_takes_well_under_a_second(encode):
    minute = jnp.zeros((1, 60 * 16000))
    encode(minute).block_until_ready()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        encode(minute).block_until_ready()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.0
