"""Whisper's encoder as the ear: features at 25 fps of a clip of any length.

It was trained on windows of 30 s, filled up with silence, and its positions are absolute: a shorter clip is filled up
so too. A longer one goes through in overlapping windows; the same sound at another place of a window has features that
differ a little, however wide the margin (tests/speech/test_frozen_encoders.py states how much). The spectrogram is one
for the whole clip, as in OpenAI's code: what is kept of it depends on the clip's loudest moment.
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.speech.frozen import chunks
from vasa_jax.speech.frozen.whisper import WhisperEncoder
from vasa_jax.speech.frozen.whisper_mel import HOP, log_mel
from vasa_jax.types import SAMPLES_PER_FRAME

PER_FRAME = SAMPLES_PER_FRAME // HOP  # mel frames a video frame


class WhisperSpeechEncoder(nn.Module):
    """A Whisper encoder whose hidden state `layer` becomes the features.

    Attributes:
      feature_size: F, the width of the transformer.
      layers, heads, feedforward, positions: see whisper.WhisperEncoder.
      bands: of the spectrogram.
      layer: 0 is the transformer's input, n the output of its n-th layer, -1 that of the last.
      margin_frames: of a window, at 25 fps, see `chunks`.
    """

    feature_size: int = 384
    layers: int = 4
    heads: int = 6
    feedforward: int = 1536
    positions: int = 1500
    bands: int = 80
    layer: int = -1
    margin_frames: int = 50

    @property
    def look_ahead(self) -> float:
        """Infinite: what is kept of the spectrogram depends on the whole clip."""
        return float("inf")

    def setup(self) -> None:
        self.encoder = WhisperEncoder(self.feature_size, self.layers, self.heads, self.feedforward, self.positions)

    def encode(
        self, mel: Float[Array, "batch mel_frames {self.bands}"]
    ) -> tuple[Float[Array, "batch time {self.feature_size}"], ...]:
        """All hidden states of one window; see WhisperEncoder."""
        return self.encoder(mel)

    def __call__(
        self, audio: Float[Array | np.ndarray, "batch samples"]
    ) -> Float[Array, "batch frames {self.feature_size}"]:
        """Features of a whole clip, of mean 0 and deviation 1 over their components.

        Args:
          audio: (B, samples) at 16 kHz, in [-1, 1]; samples after the last whole frame are not heard.

        Returns:
          (B, samples // 640, F).
        """
        frames, window = audio.shape[1] // SAMPLES_PER_FRAME, self.positions // 2
        starts = chunks.starts_of(frames, window, self.margin_frames)
        audio = jnp.asarray(audio[:, : frames * SAMPLES_PER_FRAME])
        filled = (starts[-1] + window) * SAMPLES_PER_FRAME
        mel = log_mel(jnp.pad(audio, ((0, 0), (0, filled - audio.shape[1]))), self.bands)
        windows = chunks.cut(mel, [PER_FRAME * start for start in starts], PER_FRAME * window)
        each = nn.scan(WhisperSpeechEncoder._window, variable_broadcast="params", split_rngs={"params": False})
        _, features = each(self, None, windows)
        return chunks.standardised(chunks.join(features, self.margin_frames, frames))

    def _window(self, _: None, mel: Array) -> tuple[None, Array]:
        return None, chunks.halve_on(self.encoder(mel)[self.layer])
