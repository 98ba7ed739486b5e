"""VGG19 as a perceptual judge; that its numbers are right is shown beside PyTorch in test_torch_parity.py."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from vasa_jax.errors import UserError
from vasa_jax.judges import VGG19, load_vgg19, vgg


def arrays(widths=vgg.CHANNELS) -> dict[str, np.ndarray]:
    """Weights of the convolutions by their names, all alike."""
    found, channels = {}, 3
    for scale, width in zip(vgg.SCALES, widths, strict=True):
        for number in scale:
            found[f"features.{number}.weight"] = np.full((width, channels, 3, 3), 1e-3, np.float32)
            found[f"features.{number}.bias"] = np.zeros(width, np.float32)
            channels = width
    return found


@pytest.fixture(scope="module")
def network():
    """Of VGG19's form, narrow."""
    generator, channels, scales = np.random.default_rng(0), 3, []
    for numbers in vgg.SCALES:
        layers = []
        for _ in numbers:
            kernel = generator.normal(size=(3, 3, channels, 8)) * 0.2
            layers.append((jnp.asarray(kernel, jnp.float32), jnp.full(8, 0.1)))
            channels = 8
        scales.append(tuple(layers))
    return VGG19(tuple(scales))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_maps_halve_round_down_and_keep_the_type(network, dtype):
    maps = jax.jit(lambda network, x: network(x))(network, jnp.zeros((2, 35, 48, 3), dtype))
    assert [x.shape for x in maps] == [(2, 35 // n, 48 // n, 8) for n in (1, 2, 4, 8, 16)]
    assert all(x.dtype == dtype for x in maps)


def test_every_tap_gives_the_image_a_gradient(network):
    image = jax.random.uniform(jax.random.key(0), (1, 32, 32, 3), minval=-1, maxval=1)
    jacobian = jax.jit(jax.jacrev(lambda x, network: jnp.stack([tap.mean() for tap in network(x)])))(image, network)
    assert np.isfinite(jacobian).all() and (np.abs(jacobian).max((1, 2, 3, 4)) > 0).all()


def test_a_missing_or_wrong_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"no file of weights at .*absent\.pth; expected " + re.escape(vgg.ORIGIN)):
        load_vgg19(tmp_path / "absent.pth")
    whole = arrays()
    save_file({name: array for name, array in whole.items() if "28" not in name}, tmp_path / "short")
    with pytest.raises(UserError, match=r"is not VGG19 \(features\.28\.weight\); expected vgg19-dcbb9e9d\.pth, torch"):
        load_vgg19(tmp_path / "short")
    # VGG16's features.17 to 28 are other layers than VGG19's.
    save_file(whole | {"features.10.weight": np.zeros((128, 128, 3, 3), np.float32)}, tmp_path / "other")
    with pytest.raises(UserError, match=r"is not VGG19 \(features\.10 has a shape of its own\)"):
        load_vgg19(tmp_path / "other")
