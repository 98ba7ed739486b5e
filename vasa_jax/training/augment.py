"""What keeps identity out of z_dyn: its encoder sees other colours at another place than the decoder must draw.

MegaPortraits (section 3.1) jitters the colours of the motion encoders' image and warps it. The warp here is a
similarity in the image plane, since a head pose can follow a similarity exactly and the labels stay right.
"""

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from vasa_jax import geometry, sampling
from vasa_jax.types import HeadPose


@flax.struct.dataclass
class Similarity:
    """x -> scale * R(angle) x + shift in the image plane.

    Attributes:
      angle: (B,) radians, counter-clockwise. scale: (B,). shift: (B, 2) in units of half the image side.
    """

    angle: Array
    scale: Array
    shift: Array

    def pose(self, pose: HeadPose) -> HeadPose:
        """The pose that a head of `pose` shows after this: roll is the outermost rotation, so it just adds up."""
        moved = self._turn(pose.translation[:, :2], self.angle) * self.scale[:, None] + self.shift
        return self._with(pose, self.angle, moved, self.scale)

    def undo_pose(self, pose: HeadPose) -> HeadPose:
        """The inverse of `pose`."""
        moved = self._turn((pose.translation[:, :2] - self.shift) / self.scale[:, None], -self.angle)
        return self._with(pose, -self.angle, moved, 1 / self.scale)

    def image(self, image: Float[Array, "b s s c"]) -> Float[Array, "b s s c"]:
        """The image so moved; the border is repeated outside."""
        size = image.shape[1]
        grid = jnp.asarray(geometry.volume_grid(1, size, size)[0, ..., :2]).reshape(1, -1, 2)
        source = self._turn((grid - self.shift[:, None]) / self.scale[:, None, None], -self.angle[:, None])
        return sampling.sample_image(image, source.reshape(-1, size, size, 2))

    @staticmethod
    def _turn(points: Array, angle: Array) -> Array:
        c, s = jnp.cos(angle), jnp.sin(angle)
        x, y = points[..., 0], points[..., 1]
        return jnp.stack([c * x - s * y, s * x + c * y], -1)

    @staticmethod
    def _with(pose: HeadPose, roll: Array, xy: Array, scale: Array) -> HeadPose:
        rotation = pose.rotation.at[:, 2].add(roll)
        translation = jnp.concatenate([xy, pose.translation[:, 2:] * scale[:, None]], -1)
        return HeadPose(rotation, translation, pose.scale * scale[:, None])


def random_similarity(key: PRNGKeyArray, batch: int, strength: float) -> Similarity:
    """Uniform within +-0.15 rad, a factor of exp(+-0.1) and +-0.08 of shift, each times `strength`."""
    angle, scale, shift = jax.random.split(key, 3)
    return Similarity(
        angle=strength * jax.random.uniform(angle, (batch,), minval=-0.15, maxval=0.15),
        scale=jnp.exp(strength * jax.random.uniform(scale, (batch,), minval=-0.1, maxval=0.1)),
        shift=strength * jax.random.uniform(shift, (batch, 2), minval=-0.08, maxval=0.08),
    )


def jitter_colour(key: PRNGKeyArray, image: Float[Array, "b h w 3"], strength: float = 1.0) -> Float[Array, "b h w 3"]:
    """Gamma within exp(+-0.3), then for each channel a gain within exp(+-0.28) and an offset within +-0.1.

    Images in [-1, 1]; gamma, gain and offset work on [0, 1].
    """
    gamma, gain, offset = jax.random.split(key, 3)
    one, three = (image.shape[0], 1, 1, 1), (image.shape[0], 1, 1, 3)
    light = jnp.clip(image * 0.5 + 0.5, 1e-4, 1)
    light = light ** jnp.exp(strength * jax.random.uniform(gamma, one, minval=-0.3, maxval=0.3))
    light = light * jnp.exp(strength * jax.random.uniform(gain, three, minval=-0.28, maxval=0.28))
    light = light + strength * jax.random.uniform(offset, three, minval=-0.1, maxval=0.1)
    return jnp.clip(light, 0, 1) * 2 - 1


def jitter_pose(key: PRNGKeyArray, pose: HeadPose, strength: float = 1.0) -> HeadPose:
    """Errors like those of a pose estimate: 0.05 rad, 0.03 of place, 4% of size (one standard deviation)."""
    error = jnp.array([0.05, 0.05, 0.05, 0.03, 0.03, 0, 0.04]) * strength
    return HeadPose.from_vector(pose.vector + error * jax.random.normal(key, pose.vector.shape))


def drop_latent(key: PRNGKeyArray, dynamics: Float[Array, "*b z"], rate: float) -> Float[Array, "*b z"]:
    """Each entry of z_dyn becomes zero at `rate`, so that no entry becomes a private channel.

    Nothing is rescaled: the rate is small, and nothing is dropped at inference.
    """
    return jnp.where(jax.random.bernoulli(key, rate, dynamics.shape), 0.0, dynamics)


def choose(mask: Array, first, second):
    """Of two pytrees of (B, ...) arrays, `first` where `mask` (B,) holds."""
    return jax.tree.map(lambda a, b: jnp.where(mask.reshape(-1, *(1,) * (a.ndim - 1)), a, b), first, second)
