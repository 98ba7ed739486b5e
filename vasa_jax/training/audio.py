"""Other rooms and microphones: what speech is made to go through in training. Samples are in [-1, 1] at 16 kHz."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from vasa_jax.training.voices import change_voice
from vasa_jax.types import SAMPLE_RATE

ECHO = SAMPLE_RATE // 2  # samples of a room's answer that are heard


def augment(key: PRNGKeyArray, audio: Float[Array, "b n"], strength: float = 1.0) -> Float[Array, "b n"]:
    """Another voice, a room, noise, a band limit, a gain, in this order; each with its own strength for each example.

    Args:
      strength: 0 leaves the audio as it is, 1 is the full range of each.
    """
    if not strength:
        return audio
    steps = (change_voice, reverberate, add_noise, limit_band, gain)
    for step, own in zip(steps, jax.random.split(key, len(steps)), strict=True):
        audio = step(own, audio, strength)
    return audio


def reverberate(key: PRNGKeyArray, audio: Float[Array, "b n"], strength: float) -> Float[Array, "b n"]:
    """A third of the examples in a room: an answer of noise 2 to 20 dB below the direct sound, in all, that falls by 60
    dB in 0.15 to 0.9 s (Polack's model of a diffuse field). The direct sound stays where it was."""
    chosen, wave, fall, level = jax.random.split(key, 4)
    batch, count = audio.shape
    times = np.arange(1, ECHO + 1, dtype=np.float32) / SAMPLE_RATE
    seconds = jax.random.uniform(fall, (batch, 1), minval=0.15, maxval=0.9)
    answer = jax.random.normal(wave, (batch, ECHO)) * 10 ** (-3 * times / seconds)
    decibels = jax.random.uniform(level, (batch, 1), minval=2.0, maxval=20.0)
    answer *= 10 ** (-decibels / 20) / jnp.sqrt((answer**2).sum(1, keepdims=True))
    length = count + ECHO
    echo = jnp.fft.irfft(jnp.fft.rfft(audio, length) * jnp.fft.rfft(answer, length), length)[:, : count - 1]
    heard = audio + jnp.pad(echo, ((0, 0), (1, 0)))
    return jnp.where(jax.random.bernoulli(chosen, strength / 3, (batch, 1)), heard, audio)


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
