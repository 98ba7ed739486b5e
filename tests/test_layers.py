import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax import layers


def test_standardised_weights_have_mean_zero_and_variance_one_over_fan_in():
    kernel = layers.standardise_weights(3 + jax.random.normal(jax.random.key(0), (3, 3, 8, 16)))
    np.testing.assert_allclose(kernel.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(kernel.var((0, 1, 2)), 1 / 72, rtol=1e-4)


@pytest.mark.parametrize("channels", [3, 16, 24, 96, 196, 512])
def test_group_count_divides(channels):
    assert channels % layers.group_count(channels) == 0


def test_folds_and_shuffles_invert():
    x = jax.random.normal(jax.random.key(0), (2, 4, 8, 8, 3))
    np.testing.assert_array_equal(layers.unfold_depth(layers.fold_depth(x), 4), x)
    image = x[:, 0]
    np.testing.assert_array_equal(layers.depth_to_space(layers.space_to_depth(image, 2), 2), image)


def test_adaptive_norm_is_the_plain_one_at_a_zero_code():
    x = jax.random.normal(jax.random.key(0), (2, 4, 4, 16))
    norm = layers.Norm()
    params = norm.init(jax.random.key(1), x, jnp.zeros((2, 5)))
    plain = layers.Norm()
    np.testing.assert_allclose(
        norm.apply(params, x, jnp.zeros((2, 5))), plain.apply(plain.init(jax.random.key(1), x), x), atol=1e-5
    )
