"""Warps between a posed head and the canonical one: a generated deformation and an analytic rigid motion.

Both warp generators share one layout. Composition, in the order of MegaPortraits, section 3.1:
source -> canonical: the volume is sampled by the inverse rigid grid, THEN by the source's deformation;
canonical -> driver: sampled by the driver's deformation, THEN by the driver's rigid grid.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.doubled import Doubled
from vasa_jax.geometry import canonical_to_image, image_to_canonical, volume_grid
from vasa_jax.layers import Conv, Image, Norm, ResBlock, relu, unfold_depth
from vasa_jax.sampling import sample_volume
from vasa_jax.types import HeadPose


class WarpGenerator(nn.Module):
    """z_dyn and z_id to a signed displacement of the canonical grid (tanh: each component in (-1, 1)).

    Attributes:
      size: depth, height, width of the displacement field.
      seed: depth, height = width of the first volume, grown to `size` by doubling; z_id's map is as wide.
      widths: channels of the first volume and of each 3D residual block.
      reach: the largest displacement; 1 in the paper.
      linear: adds a linear map from z_dyn before the tanh, like a blendshape model; not in the paper [ours].
    """

    size: tuple[int, int, int]
    seed: tuple[int, int]
    widths: Sequence[int]
    reach: float = 1.0
    linear: bool = False

    @nn.compact
    def __call__(
        self, dynamics: Float[Array, "b z"], identity: Float[Array, "b n n k"]
    ) -> Float[Array, "b d h w 3"]:
        lifted = nn.Dense(identity.shape[-1], dtype=identity.dtype)(dynamics)[:, None, None] + identity
        code = nn.relu(lifted.mean((1, 2)))
        x = Conv(self.seed[0] * self.widths[0], (1, 1))(lifted)
        x = unfold_depth(x, self.seed[0])
        for width in self.widths[1:]:
            x = self._grow(ResBlock(width, axes=3)(x, code))
        out = Conv(3, (3, 3, 3), standardised=False, init_scale=1e-3)(relu(Norm()(x, code)))
        out = out.astype(jnp.float32)  # a displacement is a coordinate: bfloat16 is a pixel too coarse
        if self.linear:
            linear = nn.Dense(out[0].size, use_bias=False, kernel_init=nn.initializers.normal(0.003))(dynamics)
            out = out + linear.reshape(out.shape)
        return self.reach * jnp.tanh(out)

    def _grow(self, x: Array) -> Image:
        """Doubles whichever axes have not reached their size."""
        _, depth, height, *_ = x.shape
        if depth < self.size[0]:
            x = jnp.repeat(x, 2, 1)
        return Doubled(x) if height < self.size[1] else x


def to_canonical(
    volume: Float[Array, "b d h w c"], deformation: Float[Array, "b d h w 3"], pose: HeadPose, fused: bool
) -> tuple[Float[Array, "b d h w c"], Float[Array, "b d h w 3"]]:
    """The posed volume in the canonical frame, and where in the image each canonical cell was seen.

    With `fused` the rigid map, which is known in closed form, is applied to the deformed coordinates and the volume is
    sampled once: the same map, half the price and less blur [ours]. Without it, two samplings in a row [MP].
    """
    deformed = volume_grid(*volume.shape[1:4]) + deformation
    seen_at = canonical_to_image(deformed, pose)
    if fused:
        return sample_volume(volume, seen_at), seen_at
    grid = jnp.broadcast_to(volume_grid(*volume.shape[1:4]), deformed.shape)
    upright = sample_volume(volume, canonical_to_image(grid, pose))
    return sample_volume(upright, deformed), seen_at


def to_driver(
    volume: Float[Array, "b d h w c"], deformation: Float[Array, "b d h w 3"], pose: HeadPose, fused: bool
) -> tuple[Float[Array, "b d h w c"], Float[Array, "b d h w 3"]]:
    """The canonical volume in the driver's expression and pose, and the canonical point each cell shows."""
    size = volume.shape[1:4]
    grid = jnp.broadcast_to(volume_grid(*size), deformation.shape)
    upright = image_to_canonical(grid, pose)
    shown = upright + sample_volume(deformation, upright)
    if fused:
        return sample_volume(volume, shown), shown
    expressive = sample_volume(volume, volume_grid(*size) + deformation)
    return sample_volume(expressive, upright), shown
