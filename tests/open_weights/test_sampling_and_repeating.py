"""What LivePortrait's networks are made quick by gives what the plain form gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from vasa_jax.convolution import convolve_2d, convolve_3d
from vasa_jax.doubled import double
from vasa_jax.layers import Conv
from vasa_jax.open_weights.liveportrait import spectra
from vasa_jax.open_weights.liveportrait.quick import LargeConv
from vasa_jax.open_weights.liveportrait.repeated import convolve_repeated
from vasa_jax.open_weights.liveportrait.sampling import (
    grid,
    sample_with_zeros,
    shifted_copies,
    with_zeros_around,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def normal(rng, *shape):
    return jnp.asarray(rng.normal(size=shape), jnp.float32)


def test_points_inside_between_and_outside(rng):
    """Within half a cell outside, values fade to zero; further out they are zero."""
    volume = normal(rng, 1, 3, 4, 5, 2)
    points = jnp.asarray(rng.uniform(-1.6, 1.6, (1, 200, 3)), jnp.float32)
    found = np.asarray(sample_with_zeros(with_zeros_around(volume), points))[0]
    padded = np.pad(np.asarray(volume[0]), ((1, 1), (1, 1), (1, 1), (0, 0)))
    cells = (np.asarray(points[0], np.float64) + 1) * np.array([5, 4, 3]) / 2 + 0.5
    for channel in range(2):
        expected = scipy.ndimage.map_coordinates(padded[..., channel], cells[:, ::-1].T, order=1, mode="constant")
        np.testing.assert_allclose(found[:, channel], expected, atol=1e-5)
    far = jnp.asarray([[[1.5, 0.0, 0.0], [0.0, -1.6, 0.0]]])
    assert not np.any(sample_with_zeros(with_zeros_around(volume), far))


def test_shifted_copies_are_samples_at_the_shifted_grid(rng):
    volume, shifts = normal(rng, 2, 3, 4, 6, 2), 0.5 * normal(rng, 2, 3, 3)
    points = grid(3, 4, 6)[None, None] + np.asarray(shifts)[:, :, None, None, None]
    padded = with_zeros_around(volume)
    expected = jnp.stack([sample_with_zeros(padded, jnp.asarray(points[:, k])) for k in range(3)], -2)
    np.testing.assert_allclose(shifted_copies(volume, shifts), expected, atol=1e-5)


@pytest.mark.parametrize("doublings", [0, 1, 2, 3])
def test_a_convolution_of_repeated_pixels(rng, doublings):
    image, kernel = normal(rng, 2, 5, 4, 3), normal(rng, 3, 3, 3, 6)
    repeated = image
    for _ in range(doublings):
        repeated = double(repeated)
    expected = convolve_2d(repeated, kernel)
    np.testing.assert_allclose(convolve_repeated(image, kernel, 2**doublings), expected, atol=1e-4)


@pytest.mark.parametrize("convolve", [convolve_3d, spectra.convolve])
@pytest.mark.parametrize("size", [3, 7])
def test_large_kernels_in_either_form_are_a_3d_convolution(rng, convolve, size):
    """One whose slices are several tiles of spectra, and parts of them."""
    volume, kernel = normal(rng, 2, 4, 18, 7, 3), normal(rng, *(size,) * 3, 3, 2)
    layout = ("NDHWC", "DHWIO", "NDHWC")
    expected = jax.lax.conv_general_dilated(volume, kernel, (1, 1, 1), "SAME", dimension_numbers=layout)
    found = jax.jit(convolve)(volume, kernel)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("kind", [Conv, LargeConv])
def test_a_layer_of_large_kernels_is_a_3d_convolution(rng, kind):
    volume = normal(rng, 2, 4, 5, 6, 3)
    conv = kind(2, (7, 7, 7), standardised=False)
    params = conv.init(jax.random.key(0), volume)
    kernel, bias = (params["params"][name] for name in ("kernel", "bias"))
    layout = ("NDHWC", "DHWIO", "NDHWC")
    expected = jax.lax.conv_general_dilated(volume, kernel, (1, 1, 1), "SAME", dimension_numbers=layout) + bias
    np.testing.assert_allclose(conv.apply(params, volume), expected, atol=1e-4)
