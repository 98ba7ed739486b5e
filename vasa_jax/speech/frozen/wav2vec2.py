"""Wav2Vec2's network (arXiv 2006.11477), of which HuBERT (arXiv 2106.07447) is another training.

The two halves can be called apart: `FeatureExtractor`, convolutions from samples to 50 vectors a second, and
`ContextEncoder`, the transformer. Names of layers in files: `wav2vec2_file`.

The "base" layout normalises the first convolution alone, each channel over the time of the whole clip (a group norm
with as many groups as channels), and its transformer's sums. The layout of most "large" models normalises every
convolution over its channels, and what goes into each part of the transformer.
"""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from vasa_jax.speech.frozen.layers import TransformerLayer, gelu, layer_norm

EPSILON = 1e-5  # of the convolutions' norms
BLOCK = 16_000  # outputs of the first convolution whose moments are taken at once


class Moments(NamedTuple):
    """Of the first convolution's channels over a clip: mean and variance, each (B, C)."""

    mean: Array
    variance: Array


class FeatureExtractor(nn.Module):
    """Convolutions without padding, from samples to features: n samples to 1 + (n - span) // stride vectors.

    Attributes:
      channels, kernels, strides: of each convolution.
      norm: "group" or "layer", see above.
      bias: whether the convolutions have one.
    """

    channels: tuple[int, ...] = (512,) * 7
    kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    norm: str = "group"
    bias: bool = False

    @property
    def stride(self) -> int:
        """Samples from one vector to the next."""
        return int(np.prod(self.strides))

    @property
    def span(self) -> int:
        """Samples that one vector hears."""
        span = 1
        for kernel, stride in zip(reversed(self.kernels), reversed(self.strides), strict=True):
            span = (span - 1) * stride + kernel
        return span

    def setup(self) -> None:
        numbers = zip(self.channels, self.kernels, self.strides, strict=True)
        self.convolutions = [nn.Conv(c, (k,), s, padding="VALID", use_bias=self.bias) for c, k, s in numbers]
        if self.norm == "layer":
            self.norms = [layer_norm(EPSILON) for _ in self.channels]
        elif self.norm == "group":
            self.gain = self.param("gain", nn.initializers.ones, (self.channels[0],))
            self.offset = self.param("offset", nn.initializers.zeros, (self.channels[0],))
        else:
            raise ValueError(f"there is no norm {self.norm!r}; there are 'group' and 'layer'")

    def __call__(
        self, audio: Float[Array | np.ndarray, "batch samples"], moments: Moments | None = None
    ) -> Float[Array, "batch time channels"]:
        """Features of a stretch of audio.

        Args:
          audio: as the network expects it, see Wav2Vec2SpeechEncoder.normalise.
          moments: of the clip that the stretch is from, where the norm is over time; those of the stretch if None.
        """
        x = audio[..., None]
        for number, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if self.norm == "layer":
                x = self.norms[number](x)
            elif number == 0:
                mean, variance = moments or (x.mean(1), x.var(1))
                x = (x - mean[:, None]) * jax.lax.rsqrt(variance[:, None] + EPSILON) * self.gain + self.offset
            x = gelu(x)
        return x

    def moments(self, audio: Float[Array, "batch samples"], length: Int[Array, " batch"]) -> Moments | None:
        """Moments over the first `length` samples of each clip, in blocks, so that memory does not grow with the clip.

        They are joined by the rule of Chan, Golub and LeVeque (1979). None where no norm is over time.
        """
        if self.norm == "layer":
            return None
        kernel, stride = self.kernels[0], self.strides[0]
        count = jnp.maximum((length - kernel) // stride + 1, 1)
        outputs = (audio.shape[1] - kernel) // stride + 1
        block = min(BLOCK, outputs)
        starts = np.arange(0, outputs, block)
        audio = jnp.pad(audio, ((0, 0), (0, int(starts[-1] + block - outputs) * stride)))
        parts = jnp.stack([audio[:, s * stride : (s + block - 1) * stride + kernel] for s in starts])
        over_blocks = nn.scan(FeatureExtractor._block, variable_broadcast="params", split_rngs={"params": False})
        counts = jnp.clip(count[None] - starts[:, None], 0, block)
        _, (means, squares) = over_blocks(self, None, (parts, counts))
        weights = counts[..., None] / count[:, None]
        mean = (weights * means).sum(0)
        variance = (squares / count[:, None]).sum(0) + (weights * (means - mean) ** 2).sum(0)
        return Moments(mean, variance)

    def _block(self, _: None, part: tuple[Array, Array]) -> tuple[None, tuple[Array, Array]]:
        """Mean and sum of squared differences from it, each (B, C), over the first `counts` outputs of a block."""
        audio, counts = part
        x = self.convolutions[0](audio[..., None])
        inside = (jnp.arange(x.shape[1]) < counts[:, None])[..., None]
        mean = jnp.where(inside, x, 0).sum(1) / jnp.maximum(counts[:, None], 1)
        return None, (mean, jnp.where(inside, (x - mean[:, None]) ** 2, 0).sum(1))


class ContextEncoder(nn.Module):
    """The transformer over features: projection, positions by a wide convolution, layers.

    Attributes:
      width: of every hidden state.
      layers, heads, feedforward, norm_first, epsilon: see layers.TransformerLayer.
      position_taps, position_groups: of the convolution that stands for positions.
    """

    width: int = 768
    layers: int = 12
    heads: int = 12
    feedforward: int = 3072
    norm_first: bool = False
    position_taps: int = 128
    position_groups: int = 16
    epsilon: float = 1e-5

    def setup(self) -> None:
        self.project_norm, self.norm = layer_norm(self.epsilon), layer_norm(self.epsilon)
        self.project = nn.Dense(self.width)
        taps = self.position_taps
        sides = (taps // 2, taps - 1 - taps // 2)
        self.position = nn.Conv(self.width, (taps,), padding=(sides,), feature_group_count=self.position_groups)
        numbers: dict[str, Any] = {"norm_first": self.norm_first, "epsilon": self.epsilon}
        self.blocks = [
            TransformerLayer(self.width, self.heads, self.feedforward, **numbers) for _ in range(self.layers)
        ]

    def __call__(
        self, features: Float[Array, "batch time channels"], heard: Bool[Array, "batch time"] | None = None
    ) -> tuple[Float[Array, "batch time width"], ...]:
        """All hidden states: what goes into the first layer, then what comes out of each.

        With `norm_first` the last one is normalised, as it is used.

        Args:
          heard: False for what lies outside the clip, which then changes nothing inside it; None if all is inside.
        """
        x = self.project(self.project_norm(features))
        if heard is not None:
            x = jnp.where(heard[..., None], x, 0)
        x = x + gelu(self.position(x))
        states = [x if self.norm_first else self.norm(x)]
        for block in self.blocks:
            states.append(block(states[-1], heard))
        if self.norm_first:
            states[-1] = self.norm(states[-1])
        return tuple(states)
