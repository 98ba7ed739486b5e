"""The canonical refiner: a 3D U-Net over the canonical volume, run once a portrait (MegaPortraits, G3D)."""

from collections.abc import Sequence

import flax.linen as nn
from jaxtyping import Array, Float

from vasa_jax.doubled import Doubled
from vasa_jax.layers import Conv, Norm, ResBlock, halve, relu


class CanonicalRefiner(nn.Module):
    """Residual blocks going down, then up with the same-size features laid beside, and the input added at the end.

    Attributes:
      down: channels of the blocks on the way down; each is followed by halving height and width.
      up: channels of the blocks on the way up, one for each halving.
    """

    down: Sequence[int]
    up: Sequence[int]

    @nn.compact
    def __call__(self, volume: Float[Array, "b d h w c"]) -> Float[Array, "b d h w c"]:
        x, skips = volume, []
        for width in self.down:
            x = ResBlock(width, axes=3)(x)
            skips.append(x)
            x = halve(x)
        for width, skip in zip(self.up, reversed(skips), strict=True):
            x = ResBlock(width, axes=3)(Doubled(x, skip))
        x = Conv(volume.shape[-1], (3, 3, 3), standardised=False, init_scale=1e-2)(relu(Norm()(x)))
        return volume + x
