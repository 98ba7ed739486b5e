"""The renderer: a posed feature volume to the image (MegaPortraits, G2D). Every frame pays for it.

The volume's depth is folded into channels and a 1x1 convolution projects it orthographically; the depth is not summed.
"""

import functools
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.doubled import Doubled
from vasa_jax.face.surface import surface_logit
from vasa_jax.layers import Conv, Norm, ResBlock, depth_to_space, fold_depth, relu, resize
from vasa_jax.sampling import sample_image


class Renderer(nn.Module):
    """Fold, project, residual blocks, then blocks that each double the image, norm, ReLU, convolution to RGB.

    Attributes:
      width: channels after the projection, and of the blocks at the volume's size.
      blocks: residual blocks at the volume's size.
      ups: channels of the blocks that follow a doubling each.
      final_block: side of the pixel blocks that the last convolution writes; 1 in the paper, 2 saves a small model
        its costliest doubling.
      modulated: the blocks' norms are adaptive to the motion; not in the paper [ours].
      warped_source: the portrait itself is carried along the decoder's flow and blended in; not in the paper [ours].
    """

    width: int
    blocks: int
    ups: Sequence[int]
    final_block: int = 1
    modulated: bool = False
    warped_source: bool = False

    @nn.compact
    def __call__(
        self,
        volume: Float[Array, "b d h w c"],
        shown: Float[Array, "b d h w 3"],
        motion: Float[Array, "b m"],
        source: tuple[Array, Array] | None,
    ) -> Float[Array, "b s s 3"]:
        """Renders a volume posed like the driver.

        Args:
          volume: the warped canonical volume; with a source its last two channels are the source's x and y.
          shown: the canonical point that each cell shows, for the surface prior of the flow.
          motion: pose and dynamics, for modulation.
          source: image and features of the portrait (see `Appearance.source`), or None.

        Returns:
          images in [-1, 1] (not clipped without a source).
        """
        code = motion if self.modulated else None
        features = volume[..., :-2].astype(source[1].dtype) if self.warped_source else volume
        x = Conv(self.width, (1, 1))(fold_depth(features))
        for _ in range(self.blocks):
            x = ResBlock(self.width)(x, code)
        if self.warped_source:
            return self._blend(x, code, self._flow(x, volume[..., -2:], shown), source)
        for width in self.ups:
            x = ResBlock(width)(Doubled(x), code)
        return self._to_pixels(x, 3)

    def _to_pixels(self, x: Array, channels: int) -> Array:
        out = Conv(channels * self.final_block**2, standardised=False)(relu(Norm()(x)))
        return depth_to_space(out.astype(jnp.float32), self.final_block)

    def _flow(self, x: Array, seen_at: Array, shown: Array) -> Float[Array, "b h w 2"]:
        """Where in the source each driver pixel is found: the expectation over depth of the cells' source places.

        The weights are a softmax of a learned logit on top of the prior that the visible cell lies on a head's surface.
        """
        depth = seen_at.shape[1]
        learned = Conv(depth, standardised=False, init_scale=1e-3)(relu(Norm()(x)))
        logit = learned + jnp.moveaxis(surface_logit(shown), 1, -1)
        return jnp.einsum("bdhwk,bhwd->bhwk", seen_at, jax.nn.softmax(logit))

    def _blend(self, x: Array, code: Array | None, flow: Array, source: tuple[Array, Array]) -> Array:
        """Generated pixels, the source along the flow, and the still source (background), mixed by a learned mask."""
        image, source_features = source
        half = image.shape[1] // 2
        for i, width in enumerate(self.ups):
            x = Doubled(x)
            if x.shape[1] == half:
                fine = Conv(2, standardised=False, init_scale=1e-4)(relu(Norm()(x)))
                flow = resize(flow, half) + 0.2 * jnp.tanh(fine)
                x = x.replace(beside=sample_image(source_features, flow))
            x = ResBlock(width, name=f"up_{i}")(x, code)
        out = self._to_pixels(x, 6)
        generated, logits = jnp.tanh(out[..., :3]), out[..., 3:] + jnp.array([0.0, 1.0, 0.0])
        carried = sample_image(image, resize(flow, image.shape[1]))
        return _mixed((generated, carried, image), logits)


def _mixed(layers: Sequence[Array], logits: Float[Array, "b h w n"]) -> Float[Array, "b h w c"]:
    """Images added up with the softmax of the logits as weights, in one pass over them."""
    logits = [logits[..., i] for i in range(len(layers))]
    highest = functools.reduce(jnp.maximum, logits)
    weights = [jnp.exp(logit - highest) for logit in logits]
    total = sum(weights)
    return sum((weight / total)[..., None] * layer for weight, layer in zip(weights, layers, strict=True))
