"""What is computed of a doubled image is what is computed of the image itself, laid out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.convolution import convolve_2d, convolve_3d
from vasa_jax.doubled import Doubled, convolve_doubled, double, laid_out
from vasa_jax.layers import ResBlock

SMALL, LARGE = {2: (3, 4), 3: (2, 3, 4)}, {2: (6, 8), 3: (2, 6, 8)}


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def example(axes, beside=5, channels=4):
    more = normal(1, 2, *LARGE[axes], beside) if beside else None
    return Doubled(normal(0, 2, *SMALL[axes], channels), more)


def test_pixels_become_blocks():
    image = jnp.arange(4.0).reshape(1, 2, 2, 1)
    expected = [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    np.testing.assert_array_equal(double(image)[0, ..., 0], expected)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("beside", [0, 5])
def test_its_shape_is_that_of_the_image(axes, beside):
    x = example(axes, beside)
    assert x.shape == laid_out(x).shape == (2, *LARGE[axes], 4 + beside)
    assert x.ndim == axes + 2 and x.dtype == jnp.float32


@pytest.mark.parametrize(("axes", "size", "beside"), [(2, 3, 5), (2, 1, 5), (2, 3, 0), (3, 3, 5), (3, 1, 0)])
def test_convolution_and_its_derivatives(axes, size, beside):
    x, convolve = example(axes, beside), convolve_2d if axes == 2 else convolve_3d
    kernel = normal(2, *(size,) * axes, 4 + beside, 3)

    def loss(convolved, x, kernel):
        out = convolved(x, kernel)
        return jnp.sum(jnp.sin(out)), out

    def run(convolved):
        return jax.jit(jax.value_and_grad(lambda *args: loss(convolved, *args), (0, 1), has_aux=True))(x, kernel)

    ours, theirs = run(convolve_doubled), run(lambda x, kernel: convolve(laid_out(x), kernel))
    for own, expected in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-4)


def test_kernels_are_summed_before_they_are_rounded():
    """1 + 2^-9 - 1 is 2^-9, but 0 where the sum is of bfloat16."""
    kernel = jnp.zeros((3, 3, 1, 1)).at[1, 1].set(1 + 2**-9).at[1, 2].set(-1)
    out = convolve_doubled(Doubled(jnp.ones((1, 1, 1, 1), jnp.bfloat16)), kernel)
    assert out.dtype == jnp.bfloat16 and out[0, 0, 0, 0] == 2**-9


@pytest.mark.parametrize(("axes", "beside", "features"), [(2, 2, 12), (2, 0, 16), (3, 2, 18)])
def test_a_residual_block(axes, beside, features):
    """Where the second part has two channels, a group of the norm reaches over the border; with as many features as
    channels the skip is the image itself."""
    x, code, block = example(axes, beside, 16), normal(3, 2, 5), ResBlock(features, axes)
    shapes = jax.eval_shape(block.init, jax.random.key(0), laid_out(x), code)
    params = jax.tree.map(lambda leaf: normal(leaf.size, *leaf.shape), shapes)
    own, expected = (jax.jit(block.apply)(params, image, code) for image in (x, laid_out(x)))
    np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-3)
