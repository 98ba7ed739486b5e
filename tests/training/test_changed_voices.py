"""Other voices: another pitch at the same speed, and a whisper with the same formants at the same time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.training import voices

RATE, KEY = 16_000, jax.random.key(0)
TIMES = np.arange(RATE) / RATE
SPOKEN = (TIMES > 0.3) & (TIMES < 0.7)


def vowel(pitch: float, formant: float = 1500.0) -> jnp.ndarray:
    """(1, n): harmonics of a pitch under one formant, between 0.3 and 0.7 s."""
    harmonics = [n * pitch for n in range(1, int(4000 / pitch))]
    waves = sum(np.sin(2 * np.pi * f * TIMES) * np.exp(-(((f - formant) / 500) ** 2)) for f in harmonics)
    return jnp.asarray(0.1 * waves * SPOKEN, jnp.float32)[None]


def loudness(audio) -> np.ndarray:
    """Root mean square of every 50 ms."""
    return np.sqrt((np.asarray(audio).reshape(20, -1) ** 2).mean(1))


def centre(audio) -> float:
    """Mean frequency of the spectrum in Hz."""
    power = np.abs(np.fft.rfft(audio[0])) ** 2
    return float((power * np.fft.rfftfreq(RATE, 1 / RATE)).sum() / power.sum())


def voicing(audio, pitch: float) -> float:
    """Largest autocorrelation near the pitch's period."""
    sound = np.asarray(audio)[0]
    wave = np.fft.irfft(np.abs(np.fft.rfft(sound, 2 * RATE)) ** 2)[: RATE // 50]
    period = int(RATE / pitch)
    return float(wave[period - 3 : period + 4].max() / wave[0])


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_pitch_moves_and_time_does_not(factor):
    tone = jnp.asarray(np.sin(2 * np.pi * 700 * TIMES) * SPOKEN, jnp.float32)[None]
    moved = voices.shift_pitch(tone, jnp.array([factor]))
    assert centre(moved) == pytest.approx(700 * factor, rel=0.02)
    quiet = loudness(moved)[[0, 1, 2, 3, 4, 15, 16, 17, 18, 19]]
    assert quiet.max() < 0.1 and loudness(moved)[7:13].min() > 0.2
    if factor == 1:
        np.testing.assert_allclose(moved, tone, atol=1e-5)


def test_a_whisper_has_no_pitch_and_keeps_formant_time_and_loudness():
    voice = vowel(120)
    whispered = voices.whisper(KEY, voice)
    assert voicing(voice, 120) > 0.8 and voicing(whispered, 120) < 0.3
    assert centre(whispered) == pytest.approx(centre(voice), rel=0.1)
    np.testing.assert_allclose(loudness(whispered)[7:13], loudness(voice)[7:13], rtol=0.35)
    assert loudness(whispered)[[0, 1, 2, 3, 4, 15, 16, 17, 18, 19]].max() < 0.02 * loudness(voice).max()
    assert np.isfinite(voices.whisper(KEY, jnp.zeros_like(voice))).all()


@pytest.mark.slow
def test_some_of_the_examples_change_and_none_at_strength_zero():
    many = jnp.tile(vowel(200)[:, 4800:8000], (200, 1))
    changed = (jnp.abs(jax.jit(voices.change_voice, static_argnums=2)(KEY, many, 1.0) - many).max(1) > 1e-3).sum()
    assert 50 < changed < 110
    np.testing.assert_array_equal(voices.change_voice(KEY, many, 0.0), many)
