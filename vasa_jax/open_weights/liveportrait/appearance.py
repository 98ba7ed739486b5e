"""The appearance extractor F: a portrait to a volume of features, once a portrait."""

import flax.linen as nn
from jaxtyping import Array, Float

from vasa_jax.layers import Conv, halve, unfold_depth


class Affine(nn.Module):
    """A batch norm at inference that no convolution could take in: a scale and an offset for each channel."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
        offset = self.param("offset", nn.initializers.zeros, x.shape[-1:])
        return x * scale.astype(x.dtype) + offset.astype(x.dtype)


class PreActivated(nn.Module):
    """Norm, ReLU, convolution, norm (folded), ReLU, convolution, plus the input; of volumes."""

    @nn.compact
    def __call__(self, x: Float[Array, "b d h w c"]) -> Float[Array, "b d h w c"]:
        h = nn.relu(Affine(name="norm")(x))
        h = nn.relu(Conv(x.shape[-1], (3, 3, 3), standardised=False, name="first")(h))
        return x + Conv(x.shape[-1], (3, 3, 3), standardised=False, name="second")(h)


class AppearanceExtractor(nn.Module):
    """F. The published sizes are the defaults.

    Attributes:
      widths: channels of the convolutions; all but the first are followed by pooling.
      depth, channels: D and C of the volume.
      blocks: residual blocks of the volume.
    """

    widths: tuple[int, ...] = (64, 128, 256)
    depth: int = 16
    channels: int = 32
    blocks: int = 6

    @nn.compact
    def __call__(self, image: Float[Array, "b s s 3"]) -> Float[Array, "b d h w c"]:
        """Volume (B, D, S / 4, S / 4, C) of an image in [0, 1]."""
        x = nn.relu(Conv(self.widths[0], standardised=False, name="stem")(image))
        for i, width in enumerate(self.widths[1:]):
            x = halve(nn.relu(Conv(width, standardised=False, name=f"down_{i}")(x)))
        x = Conv(self.depth * self.channels, (1, 1), standardised=False, name="lift")(x)
        volume = unfold_depth(x, self.depth)
        for i in range(self.blocks):
            volume = PreActivated(name=f"block_{i}")(volume)
        return volume
