"""The game between the face model and its critic (MegaPortraits, section 3.2; hinge form of arXiv 1705.02894).

All take the critic's answers for several sizes of the image: logits (B, h, w, 1), higher for real.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array


def critic_hinge(real: Sequence[Array], fake: Sequence[Array]) -> Array:
    """mean max(0, 1 - real) + mean max(0, 1 + fake), averaged over the sizes: what the critic lowers.

    `fake` must come from images without gradient: the face model is not to help its critic.
    """
    sizes = [jnp.mean(jax.nn.relu(1 - r)) + jnp.mean(jax.nn.relu(1 + f)) for r, f in zip(real, fake, strict=True)]
    return sum(sizes) / len(sizes)


def generator_hinge(fake: Sequence[Array]) -> Array:
    """-mean fake, averaged over the sizes: what the face model lowers; weight 1 in MegaPortraits.

    Its gradient must reach the face model: `fake` comes from the drawn images themselves, judged by a critic whose
    parameters are held still.
    """
    return -sum(jnp.mean(logits) for logits in fake) / len(fake)


def feature_matching(fake: Sequence[Array], real: Sequence[Array]) -> Array:
    """Mean over the critic's layers of |fake - real|, without gradient in `real`; weight 40 in MegaPortraits
    (arXiv 1711.11585, equation 4).

    Args:
      fake, real: feature maps of the drawn and the true image, in one order.
    """
    layers = [jnp.mean(jnp.abs(f - jax.lax.stop_gradient(r))) for f, r in zip(fake, real, strict=True)]
    return sum(layers) / len(layers)
