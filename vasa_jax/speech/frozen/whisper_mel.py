"""Whisper's log-mel spectrogram (arXiv 2212.04356): 100 frames a second, frame m centred on sample 160 m.

Its bands are those of Slaney's Auditory Toolbox (1998), each scaled to the same area.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.types import SAMPLE_RATE

HOP, WIDTH = 160, 400
LINEAR = 200.0 / 3  # Hz a mel below KNEE
KNEE = 1000.0  # Hz, from where on mels are logarithmic
STEP = np.log(6.4) / 27  # of the logarithm of Hz, a mel
FLOOR = 1e-10
RANGE = 8.0  # powers of ten below the loudest of the clip that are kept


def hertz_to_mel(hertz: np.ndarray) -> np.ndarray:
    """Linear up to 1 kHz, logarithmic above."""
    hertz = np.asarray(hertz, np.float64)
    return np.where(hertz < KNEE, hertz / LINEAR, KNEE / LINEAR + np.log(np.maximum(hertz, KNEE) / KNEE) / STEP)


def mel_to_hertz(mel: np.ndarray) -> np.ndarray:
    """The inverse of `hertz_to_mel`."""
    mel = np.asarray(mel, np.float64)
    return np.where(mel < KNEE / LINEAR, mel * LINEAR, KNEE * np.exp((mel - KNEE / LINEAR) * STEP))


def filterbank(bands: int) -> Float[np.ndarray, "201 {bands}"]:
    """Triangles in Hz whose corners are evenly spaced in mels from 0 to 8 kHz."""
    corners = mel_to_hertz(np.linspace(0, hertz_to_mel(np.array(SAMPLE_RATE / 2)), bands + 2))
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    bins = np.linspace(0, SAMPLE_RATE / 2, WIDTH // 2 + 1)[:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return (np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)).astype(np.float32)


def log_mel(audio: Float[Array, "batch samples"], bands: int) -> Float[Array, "batch mel_frames {bands}"]:
    """(log10 of the mel power + 4) / 4, nothing more than RANGE below the clip's loudest.

    Args:
      audio: 16 kHz, in [-1, 1], of more than 200 samples; n of them give n // 160 frames. Before the clip lies its
        mirror image.
    """
    count = audio.shape[1] // HOP
    audio = jnp.pad(jnp.pad(audio, ((0, 0), (WIDTH // 2, 0)), mode="reflect"), ((0, 0), (0, WIDTH // 2)))
    where = np.arange(count)[:, None] * HOP + np.arange(WIDTH)
    window = np.hanning(WIDTH + 1)[:-1].astype(np.float32)
    power = jnp.abs(jnp.fft.rfft(audio[:, where] * window)) ** 2
    mel = jnp.log10(jnp.maximum(power @ filterbank(bands), FLOOR))
    return (jnp.maximum(mel, mel.max((1, 2), keepdims=True) - RANGE) + 4) / 4
