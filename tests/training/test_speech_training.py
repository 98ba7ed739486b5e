from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.data import clips, pipeline, windows
from vasa_jax.speech import PHONES, StreamingSpeechEncoder
from vasa_jax.training import audio, speech
from vasa_jax.types import SAMPLES_PER_FRAME

KEY = jax.random.key(0)
AUGMENT = jax.jit(audio.augment)
MODEL = StreamingSpeechEncoder(feature_size=8, width=8, fast_dilations=(1,), slow_dilations=(1,))


@pytest.fixture(scope="module")
def params():
    init = jax.jit(partial(MODEL.init, method="phone_logits"))
    return init(KEY, jnp.zeros((1, SAMPLES_PER_FRAME)))["params"]


@pytest.fixture(scope="module")
def batch(clip_set):
    source = pipeline.Kept(clips.open_clips(clip_set, "train"), windows.speech_of)
    drawn = next(iter(pipeline.batches(source, windows.SpeechWindows(12), pipeline.Reading(2))))
    return jax.tree.map(jnp.asarray, drawn)


def test_the_loss_teaches_the_whole_encoder(params, batch):
    loss = speech.SpeechLoss(MODEL)
    (value, metrics), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params, batch, KEY)
    assert value == pytest.approx(np.log(len(PHONES)), rel=0.5) and 0 <= metrics["accuracy"] <= 1
    assert all(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


def test_frames_without_their_look_ahead_do_not_count():
    weights = speech.complete(MODEL, jnp.zeros((2, 12, 2), jnp.int32))
    np.testing.assert_array_equal(weights.sum((0, 2)), [4] * 8 + [0] * 4)


def test_accuracy_leaves_silence_out():
    phones = jnp.array([[[0, 1], [2, 0]]])
    logits = jax.nn.one_hot(jnp.array([[[5, 1], [3, 5]]]), len(PHONES))
    assert speech.accuracy(logits, phones, jnp.ones(phones.shape)) == 0.5


def test_report_hears_clean_and_noisy(params, clip_set):
    source = pipeline.Kept(clips.open_clips(clip_set, "validation"), windows.speech_of)
    report = speech.SpeechReport(MODEL, source, frames=12)(params)
    assert report.scalars.keys() == {"clean_accuracy", "clean_loss", "noisy_accuracy", "noisy_loss"}


def test_noise_lies_below_the_speech():
    speech_like = 0.1 * jax.random.normal(KEY, (200, 1600))
    noise = audio.add_noise(KEY, speech_like, 1.0) - speech_like
    ratio = 10 * jnp.log10((speech_like**2).mean(1) / (noise**2).mean(1))
    assert 4.5 < ratio.min() < 10 and 40 < ratio.max() < 45.5


def test_band_limit_takes_highs_from_some():
    hiss = jax.random.normal(KEY, (60, 3200))
    limited = audio.limit_band(KEY, hiss, 1.0)
    changed = jnp.abs(limited - hiss).max(1) > 0
    assert 8 < changed.sum() < 35
    highs = jnp.abs(jnp.fft.rfft(limited))[:, -100:].mean(1) / jnp.abs(jnp.fft.rfft(hiss))[:, -100:].mean(1)
    assert highs[changed].mean() < 0.6


def test_audio_stays_in_range_and_strength_zero_is_nothing():
    sound = jnp.clip(jax.random.normal(KEY, (8, 3200)), -1, 1)
    assert jnp.abs(AUGMENT(KEY, sound)).max() <= 1
    np.testing.assert_array_equal(audio.augment(KEY, sound, 0.0), sound)


def test_a_room_answers_after_the_sound_and_not_before():
    click = jnp.zeros((300, 4000)).at[:, 1000].set(0.5)
    heard = audio.reverberate(KEY, click, 1.0)
    np.testing.assert_allclose(heard[:, :1001], click[:, :1001], atol=1e-6)
    tail = (heard[:, 1001:] ** 2).sum(1)
    rooms = tail > 0
    assert 70 < rooms.sum() < 130
    ratio = 10 * np.log10(0.25 / np.asarray(tail)[np.asarray(rooms)])
    assert ratio.min() > 1.5 and 15 < ratio.max() < 26, "some of the longest answers lie after the end"
    assert (tail[rooms] > 3 * (heard[rooms, -500:] ** 2).sum(1)).all(), "it dies away"


def test_all_of_it_is_finite_and_differs_from_example_to_example():
    same = jnp.tile(0.1 * jax.random.normal(KEY, (1, 3200)), (8, 1))
    heard = AUGMENT(KEY, same)
    assert np.isfinite(heard).all() and jnp.abs(heard[:, None] - heard[None]).max(-1)[jnp.triu_indices(8, 1)].min() > 0
    assert np.isfinite(AUGMENT(KEY, jnp.zeros((8, 3200)))).all()
