"""The convolution's own derivative against XLA's, and against numbers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from vasa_jax import convolution
from vasa_jax.convolution import convolve_2d, convolve_3d


def pair(size, kernel, channels=5, features=3, dtype=jnp.float32):
    x = jax.random.normal(jax.random.key(0), (3, *size, channels), dtype)
    return x, jax.random.normal(jax.random.key(1), (*kernel, channels, features), dtype)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (7, 7), (3, 5), (4, 4)])
def test_gradients_are_those_that_xla_derives(kernel, stride):
    x, weights = pair((9, 6), kernel)

    def loss(convolve, x, weights):
        return jnp.sum(jnp.sin(convolve(x, weights, stride)))

    ours = jax.jit(jax.grad(functools.partial(loss, convolve_2d), (0, 1)))(x, weights)
    theirs = jax.jit(jax.grad(functools.partial(loss, convolution._convolve), (0, 1)))(x, weights)
    for own, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("convolve", "size"), [(convolve_2d, (4, 5)), (convolve_3d, (2, 3, 4))])
def test_gradients_are_finite_differences(convolve, size):
    with jax.enable_x64(True):
        arrays = pair(size, (3,) * len(size), 2, 2, jnp.float64)
        function = jax.jit(convolve)  # else finite differences come as NumPy arrays
        check_grads(function, arrays, order=1, modes=("rev",), atol=1e-7, rtol=1e-7)


def test_the_single_cpu_has_its_own_form():
    """Else the two forms above would be one and the comparison idle."""
    x, weights = pair((8, 8), (3, 3))
    gradient = jax.jit(jax.grad(lambda weights: convolve_2d(x, weights).sum())).lower(weights).compile().as_text()
    assert ("while" in gradient) == (jax.device_count() == 1)


def test_bfloat16_sums_in_float32():
    x, weights = pair((32, 32), (3, 3), 1, 1)
    exact = jax.grad(lambda w: convolve_2d(x, w).sum())(weights)
    coarse = jax.grad(lambda w: convolve_2d(x.astype(jnp.bfloat16), w).astype(jnp.float32).sum())
    found = coarse(weights.astype(jnp.bfloat16))
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(found.astype(jnp.float32), exact, atol=0.02 * np.abs(exact).max() + 0.5)


def test_convolve_3d_is_a_3d_convolution():
    x, weights = pair((4, 6, 6), (3, 3, 3))
    expected = jax.lax.conv_general_dilated(
        x, weights, (1, 1, 1), "SAME", dimension_numbers=("NDHWC", "DHWIO", "NDHWC")
    )
    np.testing.assert_allclose(convolve_3d(x, weights), expected, rtol=1e-4, atol=1e-4)
