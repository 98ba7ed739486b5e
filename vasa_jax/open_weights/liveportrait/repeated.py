"""A convolution of an image whose pixels were repeated, without repeating them.

Of the pixels that come from one, the inner ones see that one alone, and all of them the same: a kernel of three taps
has three different sums of taps (a repetition by two: two), so that far fewer products are needed than pixels are made.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Of an axis: what a pixel adds up of the taps, and how many pixels are padded before and after.
Phase = tuple[tuple[tuple[int, ...], ...], tuple[int, int]]
FIRST: Phase = (((0,), (1, 2)), (1, 0))
INNER: Phase = (((0, 1, 2),), (0, 0))
LAST: Phase = (((0, 1), (2,)), (0, 1))
ALONE: Phase = (((0,), (1,), (2,)), (1, 1))


class RepeatedConv(nn.Module):
    """The 3x3 convolution, zero-padded, of an image repeated `times` times along height and width (nearest)."""

    features: int
    times: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 {self.features}"]:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (3, 3, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return convolve_repeated(x, kernel, self.times) + bias.astype(x.dtype)


def convolve_repeated(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c f"], times: int
) -> Float[Array, "b h2 w2 f"]:
    """Each different sum of taps is one small convolution; their results are interleaved."""
    if times == 1:
        return _phase(x, kernel, ALONE, ALONE)
    phases = [FIRST, *[INNER] * (times > 2), LAST]
    copies = [1, *[times - 2] * (times > 2), 1]
    rows = []
    for down in phases:
        parts = [_phase(x, kernel, down, across) for across in phases]
        rows.append(_interleave(parts, copies, 2))
    return _interleave(rows, copies, 1)


def _phase(x: Array, kernel: Array, down: Phase, across: Phase) -> Float[Array, "b h w f"]:
    """The pixels at one place within their blocks."""
    (rows, pad_rows), (columns, pad_columns) = down, across
    kernel = jnp.stack([sum(kernel[i] for i in taps) for taps in rows])
    kernel = jnp.stack([sum(kernel[:, i] for i in taps) for taps in columns], 1)
    return jax.lax.conv_general_dilated(
        x, kernel.astype(x.dtype), (1, 1), (pad_rows, pad_columns), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _interleave(parts: list[Array], copies: list[int], axis: int) -> Array:
    """Pixel 0 of each part, so many copies of it each, then pixel 1, and so on, along `axis`."""
    repeated = [part for part, count in zip(parts, copies, strict=True) for _ in range(count)]
    stacked = jnp.stack(repeated, axis + 1)
    shape = list(parts[0].shape)
    shape[axis] *= len(repeated)
    return stacked.reshape(shape)
