"""What keeps identity, pose and dynamics apart: each code may say only what is its own."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.face.losses.reconstruction import Features, perceptual


def consistency(
    image: Float[Array, "b s s 3"], other: Float[Array, "b s s 3"], features: Features | None = None
) -> Array:
    """l_consist of VASA-1, section 3.1: L1 (and perceptual) distance of two drawings of one person in one motion.

        image = D(V_i, id_i, pose_i, dyn_i),  other = D(V_j, id_j, pose_i, dyn_i),  i and j frames of one clip

    What appearance and identity hold of frame j's own motion would show in the second drawing. Blank images are a
    solution, so the reconstruction stays on beside it. The paper is silent on the metric [ours].

    Args:
      features: a frozen perceptual network; L1 alone if None.
    """
    distance = jnp.mean(jnp.abs(image - other))
    return distance if features is None else distance + perceptual(image, other, features)


def cross_identity(drawn: Float[Array, "b n"], source: Float[Array, "b n"]) -> Array:
    """l_cross_id of VASA-1, section 3.1: 1 - cosine of face recognition features, mean over the batch.

    The other half of what l_consist asks: motion that comes from another person must bring nothing of that person.

    Args:
      drawn: descriptors of D(V_s, id_s, pose_d, dyn_d), s and d frames of two people.
      source: descriptors of I_s; get no gradient.
    """
    return 1 - jnp.mean(_cosine(drawn, jax.lax.stop_gradient(source)))


def cycle(
    codes: Float[Array, "b z"], drivers: Float[Array, "b z"], scale: float = 5.0, margin: float = 0.2
) -> Array:
    """Each code is nearer to its own driver's than to the other drivers' (MegaPortraits, section 3.2, weight 2).

        -mean_i log softmax_j scale (cos(codes_i, drivers_j) - margin [i = j])  at j = i

    The margin stands at the matching pair alone, as in CosFace (arXiv 1801.09414): at every pair it would cancel.

    Args:
      codes: z_dyn read again from drawn images. drivers: z_dyn that they were drawn with, row by row.
    """
    cosines = _cosine(codes[:, None], drivers[None])
    logits = scale * (cosines - margin * jnp.eye(len(codes)))
    return -jnp.mean(jnp.diagonal(jax.nn.log_softmax(logits)))


def canonical_agreement(volume: Float[Array, "b d h w c"], other: Float[Array, "b d h w c"]) -> Array:
    """Mean |difference| of the canonical volumes of two frames of one person, one side without gradient
    (EMOPortraits, arXiv 2404.19110, weight 0.5 to 1), relative to the mean size of the volume.

    Relative, since a volume that shrinks would lower the plain distance as well.
    """
    other = jax.lax.stop_gradient(other)
    return jnp.mean(jnp.abs(volume - other)) / (jax.lax.stop_gradient(jnp.mean(jnp.abs(volume))) + 1e-6)


def _cosine(a: Array, b: Array) -> Array:
    """Of the last axes, with the others broadcast."""
    lengths = jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1)
    return jnp.sum(a * b, -1) / jnp.maximum(lengths, 1e-6)
