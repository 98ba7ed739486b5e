"""The appearance encoder: portrait to a feature volume in the portrait's own pose (MegaPortraits, G_app)."""

from collections.abc import Sequence

import flax.linen as nn
from jaxtyping import Array, Float

from vasa_jax.layers import Conv, Norm, ResBlock, halve, unfold_depth


class AppearanceEncoder(nn.Module):
    """7x7 convolution, residual blocks each followed by pooling, 1x1 convolution, reshape to depth, 3D residual blocks.

    Attributes:
      widths: channels of the stem and of each block; every block halves the image.
      stem_stride: 1 in the paper; 2 saves a small model its costliest layer.
      depth, channels: of the volume.
      blocks_3d: 3D residual blocks at the end.
    """

    widths: Sequence[int]
    depth: int
    channels: int
    blocks_3d: int
    stem_stride: int = 1

    @nn.compact
    def __call__(self, image: Float[Array, "b s s 3"]) -> tuple[Float[Array, "b d h h c"], Float[Array, "b s2 s2 f"]]:
        """Returns the posed volume, and the first block's features at half the image size for the warped source."""
        x = Conv(self.widths[0], (7, 7), self.stem_stride, standardised=False)(image)
        features = None
        for width in self.widths[1:]:
            x = ResBlock(width)(x)
            features = x if features is None and x.shape[1] == image.shape[1] // 2 else features
            x = halve(x)
            features = x if features is None else features
        x = Conv(self.depth * self.channels, (1, 1))(nn.relu(Norm()(x)))
        volume = unfold_depth(x, self.depth)
        for _ in range(self.blocks_3d):
            volume = ResBlock(self.channels, axes=3)(volume)
        return volume, features
