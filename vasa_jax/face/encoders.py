"""Image to code: the residual networks of the paper, and a small norm-free one that a CPU trains."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.layers import Conv, Norm, halve, resize, space_to_depth


class ResNet(nn.Module):
    """ResNet (arXiv 1512.03385) with GroupNorm and weight standardisation, as MegaPortraits uses it.

    Attributes:
      stages: blocks in each of the stages; (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3) with `bottleneck` ResNet-50.
      width: channels of the first stage, doubled in each later one.
      bottleneck: blocks of 1x1, 3x3, 1x1 with four times the channels at their ends.
      input_size: the image is resized to this side.
      outputs: size of the code.
      map_size: 0 for one vector (B, outputs); n for an (B, n, n, outputs) map.
    """

    stages: Sequence[int]
    outputs: int
    width: int = 64
    bottleneck: bool = False
    input_size: int = 256
    map_size: int = 0

    @nn.compact
    def __call__(self, image: Float[Array, "batch height width 3"]) -> Array:
        x = Conv(self.width, (7, 7), stride=2, standardised=False)(resize(image, self.input_size))
        x = nn.max_pool(nn.relu(Norm()(x)), (3, 3), (2, 2), "SAME")
        for stage, blocks in enumerate(self.stages):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                x = ResNetBlock(self.width * 2**stage, stride, self.bottleneck)(x)
        if not self.map_size:
            return nn.Dense(self.outputs, dtype=x.dtype)(x.mean((1, 2)))
        return Conv(self.outputs, (1, 1), standardised=False)(pool_to(x, self.map_size))


class ResNetBlock(nn.Module):
    features: int
    stride: int
    bottleneck: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        widths = [self.features] * 2 + [4 * self.features] * self.bottleneck
        kernels = [(1, 1), (3, 3), (1, 1)] if self.bottleneck else [(3, 3), (3, 3)]
        strided = 1 if self.bottleneck else 0
        h = x
        for i, (width, kernel) in enumerate(zip(widths, kernels, strict=True)):
            h = Norm()(Conv(width, kernel, self.stride if i == strided else 1)(h))
            h = nn.relu(h) if i < len(widths) - 1 else h
        if x.shape != h.shape:
            x = Norm()(Conv(h.shape[-1], (1, 1), self.stride)(x))
        return nn.relu(x + h)


class CompactEncoder(nn.Module):
    """Standardised image, strided convolutions with GELU and no norm, then two dense layers; for small models [ours].

    GroupNorm takes away just the contrasts that tell a closed mouth from an open one; a small network learned the
    labels many times faster without it.

    Attributes:
      widths: channels of the convolutions; all but the first halve the image.
      outputs, hidden: sizes of the code and of the layer before it.
      input_size: the image is resized to this side.
      strips: rows (from, to) of the image, in shares of its height, that are read by networks of their own and joined.
      map_size: as for `ResNet`.
    """

    widths: Sequence[int]
    outputs: int
    hidden: int = 128
    input_size: int = 64
    strips: Sequence[tuple[float, float]] = ((0.0, 1.0),)
    map_size: int = 0

    @nn.compact
    def __call__(self, image: Float[Array, "batch height width 3"]) -> Array:
        image = image if image.shape[1] == self.input_size else resize(image, self.input_size)
        rows = [(round(a * self.input_size) // 4 * 4, round(b * self.input_size) // 4 * 4) for a, b in self.strips]
        parts = [self._convolutions(standardise(image[:, a:b])) for a, b in rows]
        if self.map_size:
            return Conv(self.outputs, (1, 1), standardised=False)(pool_to(parts[0], self.map_size))
        flat = jnp.concatenate([part.reshape(part.shape[0], -1) for part in parts], -1)
        return nn.Dense(self.outputs, dtype=flat.dtype)(nn.gelu(nn.Dense(self.hidden, dtype=flat.dtype)(flat)))

    def _convolutions(self, x: Array) -> Array:
        x = space_to_depth(x, 2)
        for i, width in enumerate(self.widths):
            x = nn.gelu(Conv(width, stride=2 if i else 1, standardised=False)(x))
        return x


def standardise(x: Float[Array, "batch height width channels"]) -> Float[Array, "batch height width channels"]:
    """Each channel centred, the whole image to unit deviation: the colour of skin and light says nothing of motion."""
    centred = x - x.mean((1, 2), keepdims=True)
    return centred / (centred.std((1, 2, 3), keepdims=True) + 0.05)


def pool_to(x: Float[Array, "batch height width channels"], size: int) -> Array:
    """Average pooling by powers of two down to (batch, size, size, channels)."""
    while x.shape[1] > size:
        x = halve(x)
    return x
