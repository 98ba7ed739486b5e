"""Images cut into tiles that overlap, for convolutions with fewer products: what Winograd's form and spectra share."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def padded(x: Float[Array, "b h w c"], around: int, tile: int, rows: int, across: int) -> Float[Array, "b h2 w2 c"]:
    """With so many zeros around and, behind, what fills `rows` times `across` tiles whose results are `tile` pixels."""
    behind = [(around, around + tile * count - size) for count, size in ((rows, x.shape[1]), (across, x.shape[2]))]
    return jnp.pad(x, ((0, 0), *behind, (0, 0)))


def every(x: Array, first: int, axis: int, tile: int, seen: int) -> Array:
    """The entries at one place of all tiles along an axis; tiles are `tile` apart and see `seen` entries each."""
    index = (slice(None),) * axis + (slice(first, x.shape[axis] - seen + first + 1, tile),)
    return x[index]
