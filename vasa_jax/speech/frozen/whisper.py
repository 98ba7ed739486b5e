"""The network of Whisper's encoder (arXiv 2212.04356). Names of layers in files: `whisper_file`."""

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from vasa_jax.speech.frozen.layers import TransformerLayer, gelu, layer_norm


class WhisperEncoder(nn.Module):
    """Two convolutions, the second of which halves the rate to 50 Hz, learned positions, layers.

    Attributes:
      width: of every hidden state.
      layers, heads, feedforward: see layers.TransformerLayer.
      positions: most vectors that it takes, 1500 for 30 s.
    """

    width: int = 384
    layers: int = 4
    heads: int = 6
    feedforward: int = 1536
    positions: int = 1500

    def setup(self) -> None:
        self.first = nn.Conv(self.width, (3,), padding=((1, 1),))
        self.second = nn.Conv(self.width, (3,), (2,), padding=((1, 1),))
        self.position = self.param("position", nn.initializers.normal(0.02), (self.positions, self.width))
        self.blocks = [
            TransformerLayer(self.width, self.heads, self.feedforward, norm_first=True) for _ in range(self.layers)
        ]
        self.norm = layer_norm()

    def __call__(self, mel: Float[Array, "batch mel_frames bands"]) -> tuple[Float[Array, "batch time width"], ...]:
        """All hidden states of a log-mel spectrogram: what goes into the first layer, then what comes out of each.

        The last one is normalised, as it is used. Vector k is centred on mel frame 2 k.
        """
        x = gelu(self.second(gelu(self.first(mel))))
        states = [x + self.position[: x.shape[1]]]
        for block in self.blocks:
            states.append(block(states[-1]))
        states[-1] = self.norm(states[-1])
        return tuple(states)
