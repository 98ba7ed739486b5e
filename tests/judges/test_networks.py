"""The perceptual and the identity network: against known values of the originals, and with wrong files."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.errors import UserError
from vasa_jax.judges import align, efficientnet, load_identity, load_perceptual
from vasa_jax.judges.alignment import similarity

# The first numbers that dlib's own network gives for `waves()`.
DLIB_DESCRIPTOR = [-0.098, 0.095, 0.032, -0.038, -0.075, -0.036, -0.029, -0.011, 0.119, -0.029, 0.198, -0.032]


@pytest.fixture(scope="module")
def perceptual(assets):
    return load_perceptual(assets / "efficientnet_lite0" / "efficientnet_lite0.npz")


def waves() -> np.ndarray:
    y, x = np.mgrid[0:150, 0:150]
    red = 127 + 100 * np.sin(x / 9) * np.cos(y / 13)
    return np.stack([red, 127 + 90 * np.cos(x / 17 + y / 11), 127 + 80 * np.sin(y / 7)], -1).astype(np.uint8)


def test_perceptual_maps_and_gradient(perceptual):
    images = jax.random.uniform(jax.random.key(0), (2, 48, 64, 3), minval=-1, maxval=1)
    maps = jax.jit(lambda network, x: network(x))(perceptual, images)
    sizes = [
        (2, 48 // n, 64 // n, channels)
        for n, channels in zip((2, 4, 8, 16), efficientnet.CHANNELS, strict=True)
    ]
    assert [x.shape for x in maps] == sizes
    total = jax.jit(jax.grad(lambda x, network: sum(jnp.abs(m).mean() for m in network(x))))
    gradient = total(images, perceptual)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


@pytest.mark.parametrize(("taps", "stride", "size"), [(3, 1, 8), (5, 2, 9)])
def test_depthwise_is_the_grouped_convolution(taps, stride, size):
    rng = np.random.default_rng(1)
    shapes = (2, size, size + 2, 6), (taps, taps, 1, 6), (6,)
    x, kernel, bias = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes)
    grouped = jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=6
    )
    found = jax.jit(efficientnet._depthwise, static_argnums=2)(x, (kernel, bias), stride)
    np.testing.assert_allclose(found, grouped + bias, atol=1e-5)


def test_perceptual_names_a_missing_or_wrong_file(tmp_path):
    with pytest.raises(UserError, match="efficientnet-lite0"):
        load_perceptual(tmp_path / "absent.npz")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(UserError, match="not the perceptual network"):
        load_perceptual(tmp_path / "other.npz")


def test_identity_agrees_with_dlib(assets):
    network = load_identity(assets / "face_identity")
    descriptor = np.asarray(network(jnp.asarray(waves()[None], jnp.float32) / 127.5 - 1))[0]
    assert descriptor.shape == (128,)
    np.testing.assert_allclose(descriptor[: len(DLIB_DESCRIPTOR)], DLIB_DESCRIPTOR, atol=0.01)


def test_identity_names_a_missing_or_short_file(assets, tmp_path):
    with pytest.raises(UserError, match="face-api"):
        load_identity(tmp_path)
    name = "face_recognition_model-weights_manifest.json"
    manifest = json.loads((assets / "face_identity" / name).read_text())
    (tmp_path / name).write_text(json.dumps(manifest))
    (tmp_path / "face_recognition_model.bin").write_bytes(b"\0" * 1000)
    with pytest.raises(UserError, match="does not hold"):
        load_identity(tmp_path)


def test_similarity_finds_rotation_scale_and_shift():
    source = jax.random.normal(jax.random.key(2), (1, 5, 2))
    turn = 1.7 * jnp.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    matrix, offset = similarity(source, source @ turn.T + jnp.array([0.3, -2.0]))
    np.testing.assert_allclose(matrix[0], turn, atol=1e-5)
    np.testing.assert_allclose(offset[0], [0.3, -2.0], atol=1e-5)


def test_a_chip_of_standard_points_is_the_image():
    from vasa_jax.judges.alignment import PADDING, STANDARD

    points = (np.array(STANDARD) + PADDING) / (1 + 2 * PADDING) * 2 - 1
    image = jax.image.resize(jax.random.uniform(jax.random.key(3), (1, 10, 10, 3)), (1, 100, 100, 3), "cubic")
    chip = align(image, jnp.asarray(points * (1, -1), jnp.float32)[None], size=50)
    np.testing.assert_allclose(chip, image.reshape(1, 50, 2, 50, 2, 3).mean((2, 4)), atol=1e-4)
