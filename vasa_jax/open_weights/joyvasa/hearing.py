"""What JoyVASA hears: HuBERT on windows of four seconds, 25 features a second."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vasa_jax.speech.frozen.wav2vec2 import ContextEncoder, FeatureExtractor
from vasa_jax.types import FPS, SAMPLES_PER_FRAME

SILENT_BEFORE, SILENT_AFTER = 2, 1  # frames of silence around a clip
RECEPTIVE, HOP = 400, 320  # samples that the first feature hears, and from one to the next


class JoySpeechEncoder(nn.Module):
    """HuBERT and the linear map behind it. The published sizes are the defaults.

    Attributes:
      feature_size: F.
      window: frames that are heard at once.
      channels: of the seven convolutions; width, layers, heads, feedforward: of the transformer.
    """

    feature_size: int = 512
    window: int = 100
    channels: tuple[int, ...] = (512,) * 7
    width: int = 768
    layers: int = 12
    heads: int = 12
    feedforward: int = 3072

    def setup(self):
        self.extractor = FeatureExtractor(self.channels)
        self.encoder = ContextEncoder(self.width, self.layers, self.heads, self.feedforward)
        self.feature_map = nn.Dense(self.feature_size)

    @property
    def look_ahead(self) -> float:
        """A frame hears the rest of its window, four seconds at most."""
        return self.window / FPS

    def __call__(self, audio: Float[Array | np.ndarray, "batch samples"]) -> Float[Array, "batch frames feature"]:
        """Features (B, samples // 640, F) of clips, window by window.

        As in the published code, silence of 2 frames is put before the clip and 1 behind it, and it is filled up to
        whole windows; the features of the silence are left out.
        """
        batch, frames = audio.shape[0], audio.shape[1] // SAMPLES_PER_FRAME
        windows = -(-(frames + SILENT_BEFORE + SILENT_AFTER) // self.window)
        after = windows * self.window - SILENT_BEFORE - frames
        audio = jnp.asarray(audio)[:, : frames * SAMPLES_PER_FRAME]
        audio = jnp.pad(audio, ((0, 0), (SILENT_BEFORE * SAMPLES_PER_FRAME, after * SAMPLES_PER_FRAME)))
        parts = audio.reshape(batch, windows, -1).swapaxes(0, 1)
        # One window at a time: they are as long as a whole utterance.
        hear = nn.scan(JoySpeechEncoder._hear, variable_broadcast="params", split_rngs={"params": False})
        _, features = hear(self, None, parts)
        features = features.swapaxes(0, 1).reshape(batch, windows * self.window, self.feature_size)
        return features[:, SILENT_BEFORE : SILENT_BEFORE + frames]

    def _hear(self, _: None, audio: Array) -> tuple[None, Float[Array, "batch frames feature"]]:
        """One window of samples to its features."""
        features = self.extractor(pad_audio(audio))
        states = self.encoder(resampled(features, 2 * self.window))
        return None, self.feature_map(resampled(states[-1], self.window))


def pad_audio(audio: Float[Array, "batch samples"]) -> Float[Array, "batch padded"]:
    """As many samples more at both ends as 50 features a second need to begin and end with the audio.

    The published code mirrors half of them at the end, and then the other half at the new end.
    """
    half = (RECEPTIVE - HOP) // 4
    for _ in range(2):
        audio = jnp.pad(audio, ((0, 0), (half, half)), mode="reflect")
    return audio


def resampled(x: Float[Array, "batch time size"], count: int) -> Float[Array, "batch {count} size"]:
    """Linear interpolation in time between half-pixel centres, without antialiasing."""
    return jax.image.resize(x, (x.shape[0], count, x.shape[2]), "linear", antialias=False)


def build_joy_speech(config: Mapping[str, Any]) -> JoySpeechEncoder:
    """The encoder whose fields are the entries of `config`; sequences become tuples."""
    return JoySpeechEncoder(**{name: tuple(v) if isinstance(v, list | tuple) else v for name, v in config.items()})
