"""Images twice as large as what is known of them, whose blocks of four equal pixels are never laid out.

A 3x3 convolution of a doubled image sees two pixels of the small one along each axis. So it is a 2x2 convolution of the
small image for each of the four places in a block: 16 products where there were 36. Norms and ReLU before it work on a
quarter of the pixels. The result is the same but for rounding [ours; cf. sub-pixel convolution, arXiv 1609.05158].
"""

import flax.struct
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.convolution import convolve_2d, convolve_3d
from vasa_jax.types import Leaf

TAPS = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], np.float32)
"""Which of three taps fall on which of two pixels, for each place in a block: the first place sees the pixel before its
own and its own, the second its own and the next."""


@flax.struct.dataclass
class Doubled:
    """The image `double(small)`, and behind its channels those of `beside`.

    Attributes:
      small: (B, H, W, C), or a volume (B, D, H, W, C) of which height and width are doubled.
      beside: (B, 2 H, 2 W, K), or (B, D, 2 H, 2 W, K), or None.
    """

    small: Leaf
    beside: Leaf = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole image."""
        *lead, height, width, channels = self.small.shape
        return *lead, 2 * height, 2 * width, channels + (0 if self.beside is None else self.beside.shape[-1])

    @property
    def ndim(self) -> int:
        """Four or five."""
        return self.small.ndim

    @property
    def dtype(self) -> jnp.dtype:
        """Of both parts."""
        return self.small.dtype


def double(x: Float[Array, "*lead h w c"]) -> Float[Array, "*lead h2 w2 c"]:
    """Nearest-neighbour upsampling by two over height and width."""
    return jnp.repeat(jnp.repeat(x, 2, -3), 2, -2)


def laid_out(x: Array | Doubled) -> Array:
    """The whole image."""
    if not isinstance(x, Doubled):
        return x
    large = double(x.small)
    return large if x.beside is None else jnp.concatenate([large, x.beside], -1)


def convolve_doubled(x: Doubled, kernel: Float[Array, "*sizes c f"]) -> Float[Array, "*image f"]:
    """What `convolve_2d` or `convolve_3d` gives of the whole image; a kernel is 3x3 or 1x1 over height and width.

    Kernels are summed in their own type, and multiplied in that of the image.
    """
    own, rest = jnp.split(kernel, [x.small.shape[-1]], -2)
    small = _convolve_2d_doubled if kernel.shape[-3] == 3 else _convolve_2d_then_double
    if x.ndim == 4:
        out = small(x.small, own)
        return out if x.beside is None else out + convolve_2d(x.beside, rest.astype(x.dtype))
    out = convolve_3d(x.small, own, convolve=small)
    return out if x.beside is None else out + convolve_3d(x.beside, rest.astype(x.dtype))


def _convolve_2d_doubled(x: Array, kernel: Array, stride: int = 1) -> Array:
    """Every window of two by two pixels is seen by the four places around its middle, each in a block of its own."""
    batch, height, width, channels = x.shape
    features = kernel.shape[-1]
    places = jnp.einsum("pai,qbj,ijcf->abcpqf", TAPS, TAPS, kernel).reshape(2, 2, channels, 4 * features)
    windows = convolve_2d(jnp.pad(x, ((0, 0), (1, 0), (1, 0), (0, 0))), places.astype(x.dtype))

    def place(p: int, q: int) -> Array:
        first = (2 * p + q) * features
        return windows[:, p : p + height, q : q + width, first : first + features]

    rows = [jnp.concatenate([place(p, 0), place(p, 1)], -1) for p in (0, 1)]
    return jnp.stack(rows, 2).reshape(batch, 2 * height, 2 * width, features)


def _convolve_2d_then_double(x: Array, kernel: Array, stride: int = 1) -> Array:
    return double(convolve_2d(x, kernel.astype(x.dtype)))
