"""Convolutions by Winograd's products are the convolutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax import winograd
from vasa_jax.convolution import convolve_2d, convolve_3d


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def normal(rng, *shape):
    return jnp.asarray(rng.normal(size=shape), jnp.float32)


def by_direct_sums(x, kernel):
    return jax.jit(convolve_2d if x.ndim == 4 else convolve_3d)(x, kernel)


def by_winograd(x, kernel):
    return jax.jit(winograd.convolve if x.ndim == 4 else winograd.convolve_volumes)(x, kernel)


def close(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 2e-5 * np.abs(expected).max()


@pytest.mark.parametrize("shape", [(1, 8, 12), (2, 5, 7), (1, 4, 8, 8), (2, 3, 5, 6)])
def test_images_and_volumes(rng, shape):
    x, kernel = normal(rng, *shape, 6), normal(rng, *(3,) * (len(shape) - 1), 6, 5)
    close(by_winograd(x, kernel), by_direct_sums(x, kernel))


@pytest.mark.parametrize("tiles", [6, 1000])
def test_a_few_tiles_at_a_time_are_all_at_once(rng, monkeypatch, tiles):
    monkeypatch.setattr(winograd, "TILES", tiles)
    x, kernel, volume = normal(rng, 2, 24, 10, 3), normal(rng, 3, 3, 3, 4), normal(rng, 1, 6, 8, 8, 3)
    other = normal(rng, 2, 24, 10, 4)
    made = jax.jit(lambda *args: winograd.convolve(*args[:2], lambda made, other: made * other + 1, args[2:]))
    close(made(x, kernel, other), by_direct_sums(x, kernel) * other + 1)
    kernel = normal(rng, 3, 3, 3, 3, 2)
    close(by_winograd(volume, kernel), by_direct_sums(volume, kernel))


def test_many_channels_keep_five_digits(rng):
    """Relative to the largest; the sums are those of 4608 products."""
    x, kernel = normal(rng, 1, 16, 16, 512), normal(rng, 3, 3, 512, 64)
    found, expected = by_winograd(x, kernel), by_direct_sums(x, kernel)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_gradients(rng):
    x, kernel, weights = normal(rng, 1, 8, 8, 3), normal(rng, 3, 3, 3, 2), normal(rng, 1, 8, 8, 2)

    def slopes(convolve):
        return jax.jit(jax.grad(lambda x, k: (convolve(x, k) * weights).sum(), argnums=(0, 1)))(x, kernel)

    for found, expected in zip(slopes(winograd.convolve), slopes(convolve_2d), strict=True):
        close(found, expected)


def test_bfloat16_is_kept_outside(rng):
    x, kernel = normal(rng, 1, 8, 8, 6).astype(jnp.bfloat16), normal(rng, 3, 3, 6, 5)
    found = by_winograd(x, kernel)
    assert found.dtype == jnp.bfloat16
    expected = by_direct_sums(x.astype(jnp.float32), kernel)
    np.testing.assert_allclose(found.astype(jnp.float32), expected, atol=0.05 * float(np.abs(expected).max()))
