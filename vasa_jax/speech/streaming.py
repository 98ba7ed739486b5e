"""A small speech encoder for streams: causal convolutions over the log-mel, with a stated look-ahead."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.speech import mel
from vasa_jax.speech.phones import PHONES
from vasa_jax.types import FPS, SAMPLES_PER_FRAME

SLOTS = 2  # phone targets a video frame
DOWN = 4  # kernel of the halving convolutions


class CausalBlock(nn.Module):
    """x + W gelu(conv(norm(x))) with a dilated convolution of three taps that ends at the present frame.

    It pads nothing: the output is 2 * dilation frames shorter, at the beginning.
    """

    width: int
    dilation: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch frames width"]) -> Float[Array, "batch shorter width"]:
        h = nn.LayerNorm()(x)
        h = nn.Conv(self.width, (3,), kernel_dilation=(self.dilation,), padding="VALID")(h)
        return x[:, 2 * self.dilation :] + nn.Dense(self.width)(nn.gelu(h))


class StreamingSpeechEncoder(nn.Module):
    """Log-mel at 100 Hz, halved to 50 and 25 Hz, with causal blocks at both rates.

    No layer pads: the whole is a function of a stretch of samples, `context` longer than the frames it
      yields. A clip is
    preceded by silence, a stream by what was heard before, and both give the same. The look-ahead is a shift
    of the causal network's output, so it holds by construction.

    Attributes:
      feature_size: F; features have mean 0 and deviation 1 over their components (a last LayerNorm).
      look_ahead_frames: video frames (40 ms) of audio after a frame that its features hear, at most 4.
      fast_dilations: of the blocks at 50 Hz.
      slow_dilations: of the blocks at 25 Hz.
    """

    feature_size: int = 96
    width: int = 128
    look_ahead_frames: int = 4
    fast_dilations: tuple[int, ...] = (1, 2, 4, 8)
    slow_dilations: tuple[int, ...] = (1, 2)

    @property
    def look_ahead(self) -> float:
        """Seconds of audio after the end of a frame that its features hear."""
        return self.look_ahead_frames / FPS

    @property
    def context(self) -> int:
        """Samples before a stretch of frames (as the causal network times them) that they depend on."""
        slow = DOWN + 2 * (1 + 2 * sum(self.slow_dilations) - 1)
        fast = slow + 2 * sum(self.fast_dilations)
        mel_frames = DOWN + 2 * (fast - 1)
        return (mel_frames - mel.PER_VIDEO_FRAME) * mel.HOP + mel.LEAD

    def setup(self) -> None:
        dilations = (*self.fast_dilations, *self.slow_dilations)
        self.to_fast = nn.Conv(self.width, (DOWN,), strides=(2,), padding="VALID")
        self.to_slow = nn.Conv(self.width, (DOWN,), strides=(2,), padding="VALID")
        self.blocks = [CausalBlock(self.width, dilation) for dilation in dilations]
        self.last = nn.Dense(self.feature_size)
        self.last_norm = nn.LayerNorm()
        self.phone_head = nn.Dense(SLOTS * len(PHONES))

    def __call__(
        self, audio: Float[Array | np.ndarray, "batch samples"]
    ) -> Float[Array, "batch frames {self.feature_size}"]:
        """Features of a whole clip.

        Args:
          audio: (B, samples) at 16 kHz, in [-1, 1]; samples after the last whole frame are not heard.

        Returns:
          (B, samples // 640, F); frame t hears samples before 640 (t + 1) + 16000 look_ahead.
        """
        frames = audio.shape[1] // SAMPLES_PER_FRAME
        ahead = self.look_ahead_frames * SAMPLES_PER_FRAME
        audio = audio[:, : frames * SAMPLES_PER_FRAME]
        return self._causal(jnp.pad(audio, ((0, 0), (self.context - ahead, ahead))))

    def phone_logits(
        self, audio: Float[Array | np.ndarray, "batch samples"]
    ) -> Float[Array, "batch frames 2 phones"]:
        """(B, T, 2, P) logits over PHONES of the two 20 ms slots of each frame; a head for training only."""
        return self.phones_of(self(audio))

    def phones_of(
        self, features: Float[Array, "batch frames {self.feature_size}"]
    ) -> Float[Array, "batch frames 2 phones"]:
        """The same from features that are at hand."""
        return self.phone_head(features).reshape(*features.shape[:2], SLOTS, len(PHONES))

    def initial_state(self, batch: int) -> Float[Array, "batch context"]:
        """The state of `stream` before the first chunk: silence."""
        return jnp.zeros((batch, self.context))

    def stream(
        self, state: Float[Array, "batch context"], chunk: Float[Array, "batch samples"]
    ) -> tuple[Float[Array, "batch context"], Float[Array, "batch frames {self.feature_size}"]]:
        """Features of a chunk of n frames, the audio of which has just arrived.

        They belong to the frames `look_ahead_frames` earlier: of a whole stream, the first
        `look_ahead_frames` results belong before its beginning and are to be thrown away, and as many frames
        of silence at its end bring the last.

        Args:
          state: the last `context` samples before the chunk.
          chunk: (B, 640 n) samples.
        """
        audio = jnp.concatenate([state, chunk], 1)
        return audio[:, -self.context :], self._causal(audio)

    def _causal(
        self, audio: Float[Array, "batch samples"]
    ) -> Float[Array, "batch frames {self.feature_size}"]:
        """Context + 640 T samples to T frames, each hearing no sample after its own end."""
        x = self.to_fast(mel.log_mel(audio))
        for block in self.blocks[: len(self.fast_dilations)]:
            x = block(x)
        x = self.to_slow(x)
        for block in self.blocks[len(self.fast_dilations) :]:
            x = block(x)
        return self.last_norm(self.last(x))
