"""Log-mel spectrogram of which every frame hears only the past, with constants instead of clip statistics.

Both make it the same in a stream as in a whole file. Mel frame m ends with sample 160 (m + 1), so that the
four mel frames 4 t .. 4 t + 3 end inside video frame t.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME

BANDS = 80
HOP = 160  # 10 ms
WIDTH = 400  # 25 ms
TRANSFORM = 512
PER_VIDEO_FRAME = SAMPLES_PER_FRAME // HOP
LEAD = WIDTH - HOP  # samples before the first hop that the first mel frame hears
LOWEST, HIGHEST = 60.0, 7600.0  # Hz
FLOOR = 1e-5  # keeps the logarithm finite in silence, some 30 dB below quiet speech
CENTRE, SPREAD = -6.0, 4.5  # about the mean and deviation of speech, so that the result has about 0 and 1


def hertz_to_mel(hertz: np.ndarray) -> np.ndarray:
    """mel = 2595 log10(1 + hertz / 700), O'Shaughnessy, Speech Communication (1987)."""
    return 2595.0 * np.log10(1.0 + np.asarray(hertz, np.float64) / 700.0)


def filterbank() -> Float[np.ndarray, "bins bands"]:
    """Triangles over the mel axis: each rises from the centre below to its own and falls to the next.

    Centres are evenly spaced in mel between LOWEST and HIGHEST; each triangle's peak is 1 at its centre.
    """
    edges = np.linspace(*hertz_to_mel(np.array([LOWEST, HIGHEST])), BANDS + 2)
    bins = hertz_to_mel(np.linspace(0, SAMPLE_RATE / 2, TRANSFORM // 2 + 1))
    distance = np.abs(bins[:, None] - edges[None, 1:-1]) / (edges[1] - edges[0])
    return np.maximum(0.0, 1.0 - distance).astype(np.float32)


def log_mel(audio: Float[Array, "batch samples"]) -> Float[Array, "batch mel_frames bands"]:
    """log(mel power + FLOOR), scaled, of every whole window in `audio`.

    The power spectrum is taken under a Hann window; n samples give (n - LEAD) // HOP frames. A caller that
    wants the first frames of a clip puts LEAD samples of silence before it.

    Args:
      audio: 16 kHz, in [-1, 1].
    """
    count = (audio.shape[1] - LEAD) // HOP
    where = np.arange(count)[:, None] * HOP + np.arange(WIDTH)
    window = np.hanning(WIDTH + 1)[:-1].astype(np.float32)
    power = jnp.abs(jnp.fft.rfft(audio[:, where] * window, TRANSFORM)) ** 2
    return (jnp.log(power @ filterbank() + FLOOR) - CENTRE) / SPREAD
