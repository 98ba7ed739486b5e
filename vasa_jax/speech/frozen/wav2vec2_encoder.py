"""Wav2Vec2 as the ear: features at 25 fps of a clip of any length.

What "the same as in one piece" means here. Two things in the network hear the whole clip at once: its input is scaled
to mean 0 and deviation 1, and the base layout normalises its first convolution over time. Both are taken over the
whole clip first, so the convolution features of a chunk are those of the clip in one piece, up to float error.
Attention reaches as far as the chunk: the transformer's output is that of one piece up to a difference that the margin
keeps small, and that tests/speech/test_frozen_encoders.py states.

Exact zeros at the end are padding, not silence: they count in no mean, and nothing attends to them. So a clip has the
same features whatever it is filled up to. The first vector would be centred 12.5 ms after the clip's beginning; with
40 samples of silence before and after, vector k is centred on the k-th 20 ms, and two make a frame without drift.
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from vasa_jax.speech.frozen import chunks
from vasa_jax.speech.frozen.wav2vec2 import ContextEncoder, FeatureExtractor, Moments
from vasa_jax.types import SAMPLES_PER_FRAME

SLOT = SAMPLES_PER_FRAME // 2  # samples of one of 50 vectors a second


class Wav2Vec2SpeechEncoder(nn.Module):
    """A Wav2Vec2 or HuBERT whose hidden state `layer` becomes the features.

    Attributes:
      feature_size: F, the width of the transformer.
      layers, heads, feedforward, norm_first, position_taps, position_groups, epsilon: see wav2vec2.ContextEncoder.
      channels, kernels, strides, norm, bias: of the convolutions, see wav2vec2.FeatureExtractor.
      normalise: scale the clip to mean 0 and deviation 1 first.
      layer: 0 is the transformer's input, n the output of its n-th layer, -1 that of the last.
      window_frames, margin_frames: of a chunk, at 25 fps, see `chunks`.
    """

    feature_size: int = 768
    layers: int = 12
    heads: int = 12
    feedforward: int = 3072
    norm_first: bool = False
    position_taps: int = 128
    position_groups: int = 16
    epsilon: float = 1e-5
    channels: tuple[int, ...] = (512,) * 7
    kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    norm: str = "group"
    bias: bool = False
    normalise: bool = True
    layer: int = -1
    window_frames: int = 500
    margin_frames: int = 50

    @property
    def look_ahead(self) -> float:
        """Infinite: the clip's mean and deviation depend on its end."""
        return float("inf")

    def setup(self) -> None:
        self.extractor = FeatureExtractor(self.channels, self.kernels, self.strides, self.norm, self.bias)
        if self.extractor.stride != SLOT:
            raise ValueError(f"strides of {self.extractor.stride} samples in all, {SLOT} are needed")
        self.encoder = ContextEncoder(
            self.feature_size, self.layers, self.heads, self.feedforward, self.norm_first,
            self.position_taps, self.position_groups, self.epsilon,
        )  # fmt: skip

    def extract(self, audio: Float[Array | np.ndarray, "batch samples"]) -> Float[Array, "batch time channels"]:
        """The convolutions alone, on audio as it is; see FeatureExtractor."""
        return self.extractor(audio)

    def encode(
        self, features: Float[Array, "batch time channels"], heard: Bool[Array, "batch time"] | None = None
    ) -> tuple[Float[Array, "batch time {self.feature_size}"], ...]:
        """The transformer alone: all hidden states; see ContextEncoder."""
        return self.encoder(features, heard)

    def __call__(
        self, audio: Float[Array | np.ndarray, "batch samples"]
    ) -> Float[Array, "batch frames {self.feature_size}"]:
        """Features of a whole clip, of mean 0 and deviation 1 over their components.

        Args:
          audio: (B, samples) at 16 kHz, in [-1, 1]; samples after the last whole frame are not heard.

        Returns:
          (B, samples // 640, F).
        """
        frames = audio.shape[1] // SAMPLES_PER_FRAME
        audio = jnp.asarray(audio[:, : frames * SAMPLES_PER_FRAME])
        length = heard_length(audio)
        audio = _scaled(audio, length) if self.normalise else audio
        before, after = self._sides
        audio = jnp.pad(audio, ((0, 0), (before, after)))
        moments = self.extractor.moments(audio, length + before + after)
        starts = chunks.starts_of(frames, self.window_frames, self.margin_frames)
        window = self.window_frames if len(starts) > 1 else frames
        parts = chunks.cut(audio, [s * SAMPLES_PER_FRAME for s in starts], window * SAMPLES_PER_FRAME + before + after)
        slots = np.array(starts)[:, None] * 2 + np.arange(2 * window)
        heard = slots[:, None] * SLOT + SLOT // 2 < length[:, None]
        each = nn.scan(
            Wav2Vec2SpeechEncoder._chunk,
            variable_broadcast="params", split_rngs={"params": False}, in_axes=(0, nn.broadcast),
        )  # fmt: skip
        _, features = each(self, None, (parts, heard), moments)
        return chunks.standardised(chunks.join(features, self.margin_frames, frames))

    def _chunk(self, _: None, part: tuple[Array, Array], moments: Moments | None) -> tuple[None, Array]:
        audio, heard = part
        state = self.encoder(self.extractor(audio, moments), heard)[self.layer]
        return None, chunks.halve_between(state)

    @property
    def _sides(self) -> tuple[int, int]:
        """Samples of silence before and after, so that each slot has a vector that is centred on it."""
        spare = self.extractor.span - SLOT
        return spare // 2, spare - spare // 2


def heard_length(audio: Float[Array, "batch samples"]) -> Int[Array, " batch"]:
    """Samples up to the last that is not exactly zero."""
    return (jnp.arange(1, audio.shape[1] + 1) * (audio != 0)).max(1)


def _scaled(audio: Float[Array, "batch samples"], length: Int[Array, " batch"]) -> Float[Array, "batch samples"]:
    """Mean 0 and deviation 1 over the first `length` samples; what follows stays zero."""
    inside = jnp.arange(audio.shape[1]) < length[:, None]
    count = jnp.maximum(length, 1)[:, None]
    centred = jnp.where(inside, audio - audio.sum(1, keepdims=True) / count, 0)
    return centred / jnp.sqrt((centred**2).sum(1, keepdims=True) / count + 1e-7)
