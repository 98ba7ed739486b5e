"""Small networks over keypoints: stitching S, and retargeting of lips and eyes."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.open_weights.liveportrait.reader import KEYPOINTS

STITCHING, LIPS, EYES = (128, 128, 64), (128, 128, 64), (256, 256, 128, 128, 64)  # hidden widths


class MLP(nn.Module):
    """Dense layers with ReLU between them."""

    widths: tuple[int, ...]
    outputs: int

    @nn.compact
    def __call__(self, x: Float[Array, "b n"]) -> Float[Array, "b {self.outputs}"]:
        for i, width in enumerate(self.widths):
            x = nn.relu(nn.Dense(width, name=f"layer_{i}")(x))
        return nn.Dense(self.outputs, name="last")(x)


class Stitching(nn.Module):
    """S: moves driving keypoints so that the shoulders and the rest around the face stay where they were."""

    @nn.compact
    def __call__(self, source: Float[Array, "b 21 3"], driving: Float[Array, "b 21 3"]) -> Float[Array, "b 21 3"]:
        """The driving keypoints, each by its own offset and all by one in x and y."""
        offsets = MLP(STITCHING, 3 * KEYPOINTS + 2, name="mlp")(_flat(source, driving))
        each, shift = offsets[:, :-2].reshape(-1, KEYPOINTS, 3), offsets[:, -2:]
        return driving + each + jnp.pad(shift, ((0, 0), (0, 1)))[:, None]


class Retargeting(nn.Module):
    """Offsets of the keypoints that open lips or eyes as far as asked.

    Attributes:
      widths: LIPS or EYES.
    """

    widths: tuple[int, ...]

    @nn.compact
    def __call__(self, source: Float[Array, "b 21 3"], ratios: Float[Array, "b n"]) -> Float[Array, "b 21 3"]:
        """Args: the source's keypoints; how far its lips (1) or eyes (2) are open, height over width, and the goal."""
        return MLP(self.widths, 3 * KEYPOINTS, name="mlp")(_flat(source, ratios)).reshape(-1, KEYPOINTS, 3)


def _flat(*parts: Array) -> Float[Array, "b n"]:
    return jnp.concatenate([part.reshape(part.shape[0], -1) for part in parts], -1)
