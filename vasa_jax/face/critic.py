"""The critic: a multi-scale PatchGAN with spectral normalisation (MegaPortraits, section 3.2; arXiv 1711.11585)."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.convolution import convolve_2d
from vasa_jax.layers import halve

POWER_ITERATIONS = 8


class Critic(nn.Module):
    """One stack of strided convolutions for each size of the image; each judges overlapping patches.

    Attributes:
      widths: channels of the convolutions of a stack; each halves its input.
      scales: stacks; the n-th sees the image at 1 / 2^n of its size.
    """

    widths: Sequence[int] = (64, 128, 256, 512)
    scales: int = 2

    @nn.compact
    def __call__(self, images: Float[Array, "b s s 3"]) -> tuple[list[Array], list[Array]]:
        """Logits (B, h, w, 1) of each scale, higher for real, and the features of all layers of all scales."""
        logits, features = [], []
        for _ in range(self.scales):
            x = images
            for width in self.widths:
                x = nn.leaky_relu(SpectralConv(width, stride=2)(x), 0.2)
                features.append(x.astype(jnp.float32))
            logits.append(SpectralConv(1)(x).astype(jnp.float32))
            images = halve(images)
        return logits, features


class SpectralConv(nn.Module):
    """A 4x4 convolution whose kernel is divided by its spectral norm (arXiv 1802.05957)."""

    features: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 f"]:
        init = nn.initializers.variance_scaling(2.0, "fan_in", "normal")
        kernel = self.param("kernel", init, (4, 4, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        kernel = kernel / spectral_norm(kernel)
        return convolve_2d(x, kernel.astype(x.dtype), self.stride) + bias.astype(x.dtype)


def spectral_norm(kernel: Float[Array, "*rest f"]) -> Array:
    """The largest singular value of the kernel as a (fan-in, F) matrix, by power iteration on its Gram matrix.

    The iteration starts afresh from a fixed vector each time: on the F x F Gram matrix that is cheap, and neither the
    training nor a checkpoint has to carry the vector of the usual one-step-at-a-time form. The singular vector is held
    still in the gradient, as is usual.
    """
    matrix = kernel.reshape(-1, kernel.shape[-1]).astype(jnp.float32)
    gram = matrix.T @ matrix
    still = jax.lax.stop_gradient(gram)

    def iterate(_: Array, vector: Array) -> Array:
        vector = still @ vector
        return vector / (jnp.linalg.norm(vector) + 1e-12)

    first = 1 + 0.1 * jnp.cos(jnp.arange(gram.shape[0], dtype=jnp.float32))
    vector = jax.lax.fori_loop(0, POWER_ITERATIONS, iterate, first)
    return jnp.sqrt(jnp.maximum(vector @ gram @ vector, 1e-12))
