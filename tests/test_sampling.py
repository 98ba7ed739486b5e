import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from vasa_jax import sampling
from vasa_jax.geometry import volume_grid

HERE = Path(__file__).resolve().parent


def plain(volume, points):
    """The formula of trilinear sampling as one reads it; XLA derives it."""
    _, *size, _ = volume.shape
    size = np.array(size[::-1])
    position = jnp.clip((points * jnp.array([1.0, -1.0, 1.0]) + 1) * (size / 2) - 0.5, 0, size - 1)
    low = jnp.floor(position)
    entry = jnp.arange(len(volume)).reshape(-1, *(1,) * (points.ndim - 2))
    value = 0
    for corner in np.ndindex(2, 2, 2):
        weight = jnp.prod(jnp.where(np.array(corner) == 1, position - low, 1 - position + low), -1)
        x, y, z = jnp.moveaxis(jnp.minimum(low.astype(int) + np.array(corner), size - 1), -1, 0)
        value += weight[..., None] * volume[entry, z, y, x]
    return value


def general(volume, points):
    """The form that a pod runs, which a process with one CPU device does not choose."""
    grid = points.shape[1:-1]

    @jax.custom_vjp
    def sample(volume, points):
        return sampling._forward(volume, points)

    sample.defvjp(lambda v, p: (sample(v, p), (v, p)), lambda kept, gradient: sampling._backward(*kept, gradient))
    return sample(volume, points.reshape(len(points), -1, 3)).reshape(len(points), *grid, volume.shape[-1])


FORMS = {"chosen": sampling.sample_volume, "general": general}


def volume_and_points(size, reach, dtype=jnp.float32, grid=(7, 3)):
    volume = jax.random.normal(jax.random.key(4), (2, *size, 2), dtype)
    return volume, jax.random.uniform(jax.random.key(5), (2, *grid, 3), dtype, -reach, reach)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(4, 6, 8), (1, 5, 5), (3, 1, 2)])
def test_sampling_on_the_grid_returns_the_volume(size, form):
    volume = jax.random.normal(jax.random.key(2), (2, *size, 3))
    grid = jnp.broadcast_to(volume_grid(*size), (2, *size, 3))
    np.testing.assert_allclose(FORMS[form](volume, grid), volume, atol=1e-5)


def test_sampling_reproduces_a_linear_field_and_clamps_outside():
    grid = jnp.asarray(volume_grid(6, 6, 6))[None]
    points = jax.random.uniform(jax.random.key(3), (1, 50, 3), minval=-0.8, maxval=0.8)
    np.testing.assert_allclose(sampling.sample_volume(grid, points), points, atol=1e-5)
    outside = sampling.sample_volume(grid, jnp.full((1, 1, 3), 5.0))
    np.testing.assert_allclose(outside[0, 0], 5 / 6, atol=1e-5)


def test_row_zero_is_the_top():
    image = jnp.zeros((1, 8, 8, 1)).at[:, 0].set(1.0)
    assert sampling.sample_image(image, jnp.array([[[0.0, 0.95]]]))[0, 0, 0] == 1
    assert sampling.sample_image(image, jnp.array([[[0.0, -0.95]]]))[0, 0, 0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(3, 4, 5), (1, 4, 5), (2, 1, 3), (1, 1, 1)])
def test_gradients_are_finite_differences_and_those_of_the_plain_formula(size, form):
    with jax.enable_x64(True):
        volume, points = volume_and_points(size, 1.6, jnp.float64)
        assert 0.2 < np.mean(np.abs(points) > 1) < 0.8, "inside and outside"
        sample = jax.jit(FORMS[form])
        check_grads(sample, (volume, points), order=1, modes=["rev"], eps=1e-6)
        value, pull_back = jax.vjp(sample, volume, points)
        expected, plain_pull_back = jax.vjp(plain, volume, points)
        gradient = jax.random.normal(jax.random.key(6), value.shape, value.dtype)
        np.testing.assert_allclose(value, expected, atol=1e-12)
        for found, true in zip(pull_back(gradient), plain_pull_back(gradient), strict=True):
            np.testing.assert_allclose(found, true, atol=1e-12)


def test_more_points_than_a_block_and_not_a_multiple_of_it():
    volume, points = volume_and_points((3, 4, 5), 1.2, grid=(sampling.BLOCK + 3,))
    np.testing.assert_allclose(sampling.sample_volume(volume, points), plain(volume, points), atol=1e-5)


def test_a_coordinate_outside_gets_no_gradient_and_the_others_keep_theirs():
    volume, _ = volume_and_points((3, 4, 5), 1.0)
    slope = jax.grad(lambda p: sampling.sample_volume(volume, p).sum())(jnp.full((2, 1, 3), 0.3).at[..., 0].set(-1.5))
    assert np.all(slope[..., 0] == 0) and np.all(slope[..., 1:] != 0)


@pytest.mark.parametrize("form", FORMS)
def test_bfloat16_is_summed_in_float32(form):
    """3000 points add 1/8 each to one cell: a bfloat16 sum would stop growing at 32."""
    volume, points = jnp.ones((1, 2, 2, 2, 1), jnp.bfloat16), jnp.zeros((1, 3000, 3))
    sampled, pull_back = jax.vjp(FORMS[form], volume, points)
    to_volume, to_points = pull_back(jnp.ones_like(sampled))
    assert (sampled.dtype, to_volume.dtype, to_points.dtype) == (jnp.bfloat16, jnp.bfloat16, jnp.float32)
    np.testing.assert_allclose(to_volume.astype(jnp.float32), 375, rtol=2**-8)


@pytest.mark.slow
def test_a_batch_split_over_devices_is_sampled_and_derived_without_communication():
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(HERE.parent),
    }
    done = subprocess.run(
        [sys.executable, HERE / "sampling_on_four_devices.py"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["devices"] == 4 and found["local"] and found["gathers"] == 0
    assert found["error"] < 1e-5
    volume = jax.random.normal(jax.random.key(0), (8, 3, 5, 6, 4))
    points = jax.random.uniform(jax.random.key(1), (8, 7, 9, 3), minval=-1.3, maxval=1.3)
    here = jax.grad(lambda v, p: jnp.sum(sampling.sample_volume(v, p) ** 2), (0, 1))(volume, points)
    np.testing.assert_allclose(found["volume"], here[0], atol=1e-4)
    np.testing.assert_allclose(found["points"], here[1], atol=1e-3)
