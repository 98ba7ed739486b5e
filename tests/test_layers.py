import flax.linen as nn
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


@pytest.mark.parametrize("shape", [(2, 5, 4, 16), (2, 3, 5, 4, 12), (2, 24)])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_group_norm_and_its_derivative_are_flax_ones(shape, dtype):
    keys = jax.random.split(jax.random.key(0), 3)
    x = (3 + 2 * jax.random.normal(keys[0], shape)).astype(dtype)
    scale, offset = (jax.random.normal(key, shape[-1:]) for key in keys[1:])
    params = {"params": {"scale": scale, "bias": offset}}

    def run(norm, x):
        out = norm.apply(params, x).astype(jnp.float32)
        return jnp.sum(jnp.sin(out)), out

    (_, ours), slope = jax.value_and_grad(lambda x: run(layers.GroupNorm(4), x), has_aux=True)(x)
    (_, theirs), other = jax.value_and_grad(lambda x: run(nn.GroupNorm(4, dtype=dtype), x), has_aux=True)(x)
    rounding = 2e-5 if dtype == jnp.float32 else 0.05
    np.testing.assert_allclose(ours, theirs, atol=rounding, rtol=rounding)
    np.testing.assert_allclose(slope.astype(np.float32), other.astype(np.float32), atol=rounding, rtol=rounding)


def test_group_norm_takes_scale_and_offset_for_each_image():
    x = jax.random.normal(jax.random.key(0), (2, 5, 4, 8))
    scale, offset = jax.random.normal(jax.random.key(1), (2, 2, 8))
    out = layers.GroupNorm(2).apply({}, x, scale, offset)
    plain = nn.GroupNorm(2, use_scale=False, use_bias=False).apply({}, x)
    np.testing.assert_allclose(out, plain * scale[:, None, None] + offset[:, None, None], atol=1e-5)
