"""Other voices: what a speaker might have made of the same words. Samples are in [-1, 1] at 16 kHz.

Nothing moves in time, so that the lips' targets stay right.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

GRAIN = 1024  # 64 ms, some periods of the lowest voices
WIDTH, HOP = 512, 128  # of the spectra that a whisper is made of
SMOOTH = 11  # bins of 31 Hz: wider than the distance of a voice's harmonics, narrower than that of its formants


def change_voice(key: PRNGKeyArray, audio: Float[Array, "b n"], strength: float) -> Float[Array, "b n"]:
    """A third of the examples higher or lower, by up to a quarter; a tenth whispered."""
    chosen, factors, other, noise = jax.random.split(key, 4)
    batch = len(audio)
    factor = jnp.exp(strength * jax.random.uniform(factors, (batch,), minval=-0.22, maxval=0.22))
    audio = jnp.where(_some(chosen, batch, strength / 3), shift_pitch(audio, factor), audio)
    return jnp.where(_some(other, batch, strength / 10), whisper(noise, audio), audio)


def shift_pitch(audio: Float[Array, "b n"], factor: Float[Array, " b"]) -> Float[Array, "b n"]:
    """The voice at `factor` times its pitch, formants included, and no faster.

    Grains of sound that overlap by half are each played at another speed about their middle (the rotating heads of
    the tape recorder); where two of them do not fit, the voice gets hoarse.
    """
    half = GRAIN // 2
    middles = np.arange(audio.shape[1] // half + 2) * half
    padded = jnp.pad(audio, ((0, 0), (GRAIN, 2 * GRAIN)))
    place = GRAIN + middles[:, None] + factor[:, None, None] * (np.arange(GRAIN) - half)
    sound = jax.vmap(_between)(padded, place)
    sound = sound * np.hanning(GRAIN + 1)[:-1].astype(np.float32)
    halves = sound[:, 1:, :half] + sound[:, :-1, half:]
    return halves.reshape(len(audio), -1)[:, : audio.shape[1]]


def whisper(key: PRNGKeyArray, audio: Float[Array, "b n"]) -> Float[Array, "b n"]:
    """Noise under the smoothed spectrum of each moment: formants without a voice, as loud as before."""
    batch, count = audio.shape
    frames = -(-count // HOP) + WIDTH // HOP
    where = np.arange(frames)[:, None] * HOP + np.arange(WIDTH)
    window = np.hanning(WIDTH + 1)[:-1].astype(np.float32)
    padded = jnp.pad(audio, ((0, 0), (WIDTH, WIDTH + HOP)))
    power = jnp.abs(jnp.fft.rfft(padded[:, where] * window)) ** 2
    side = SMOOTH // 2
    spread = jnp.pad(power, ((0, 0), (0, 0), (side, side)), mode="edge")
    smooth = sum(spread[..., i : i + power.shape[-1]] for i in range(SMOOTH)) / SMOOTH
    noise = jnp.fft.rfft(jax.random.normal(key, (batch, frames, WIDTH))) / np.sqrt(WIDTH)
    pieces = jnp.fft.irfft(noise * jnp.sqrt(smooth), WIDTH) * window
    made = jnp.zeros_like(padded).at[:, where].add(pieces)[:, WIDTH : WIDTH + count]
    return made * jnp.sqrt((audio**2).mean(1, keepdims=True) / ((made**2).mean(1, keepdims=True) + 1e-12))


def _between(sound: Float[Array, " m"], place: Float[Array, "*rest"]) -> Float[Array, "*rest"]:
    """Samples at places between samples."""
    before = jnp.floor(place).astype(jnp.int32)
    share = place - before
    return sound[before] * (1 - share) + sound[before + 1] * share


def _some(key: PRNGKeyArray, batch: int, share: float) -> Array:
    return jax.random.bernoulli(key, share, (batch, 1))
