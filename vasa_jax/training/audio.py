"""Other rooms and microphones: what speech is made to go through in training. Samples are in [-1, 1] at 16 kHz."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from vasa_jax.types import SAMPLE_RATE


def augment(key: PRNGKeyArray, audio: Float[Array, "b n"], strength: float = 1.0) -> Float[Array, "b n"]:
    """Noise, then a band limit, then a gain; each with its own strength for each example.

    Args:
      strength: 0 leaves the audio as it is, 1 is the full range of each.
    """
    if not strength:
        return audio
    noise, band, level = jax.random.split(key, 3)
    return gain(level, limit_band(band, add_noise(noise, audio, strength), strength), strength)


def add_noise(key: PRNGKeyArray, audio: Float[Array, "b n"], strength: float) -> Float[Array, "b n"]:
    """Noise 5 to 45 dB below the speech at full strength, its amplitude falling as f^-a, a in 0..1."""
    wave, colour, level = jax.random.split(key, 3)
    batch, count = audio.shape
    slope = jax.random.uniform(colour, (batch, 1))
    spectrum = jnp.fft.rfft(jax.random.normal(wave, (batch, count)))
    spectrum *= jnp.maximum(_hertz(count), 20.0) ** -slope
    noise = jnp.fft.irfft(spectrum, count)
    decibels = 45 - strength * jax.random.uniform(level, (batch, 1), maxval=40.0)
    size = _rms(audio) * 10 ** (-decibels / 20)
    return audio + noise * size / (_rms(noise) + 1e-9)


def limit_band(key: PRNGKeyArray, audio: Float[Array, "b n"], strength: float) -> Float[Array, "b n"]:
    """A third of the examples lose what is above 2 to 8 kHz and below 50 to 300 Hz, with gentle slopes (telephones)."""
    chosen, high, low = jax.random.split(key, 3)
    batch, count = audio.shape
    hertz = _hertz(count)
    top = jnp.exp(jax.random.uniform(high, (batch, 1), minval=np.log(2000.0), maxval=np.log(8000.0)))
    bottom = jnp.exp(jax.random.uniform(low, (batch, 1), minval=np.log(50.0), maxval=np.log(300.0)))
    response = jax.nn.sigmoid((top - hertz) / (0.05 * top)) * jax.nn.sigmoid((hertz - bottom) / (0.2 * bottom))
    limited = jnp.fft.irfft(jnp.fft.rfft(audio) * response, count)
    return jnp.where(jax.random.bernoulli(chosen, strength / 3, (batch, 1)), limited, audio)


def gain(key: PRNGKeyArray, audio: Float[Array, "b n"], strength: float) -> Float[Array, "b n"]:
    """-15 to +9 dB, clipped to [-1, 1] as a converter does."""
    decibels = strength * jax.random.uniform(key, (audio.shape[0], 1), minval=-15.0, maxval=9.0)
    return jnp.clip(audio * 10 ** (decibels / 20), -1, 1)


def _hertz(count: int) -> np.ndarray:
    return np.fft.rfftfreq(count, 1 / SAMPLE_RATE).astype(np.float32)


def _rms(audio: Array) -> Array:
    return jnp.sqrt(jnp.mean(audio**2, -1, keepdims=True))
