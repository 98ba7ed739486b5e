"""What the comparisons of a judge with its PyTorch build share: pictures to show to both, and the bar."""

import jax
import jax.numpy as jnp
import numpy as np
import torch


def smooth(size, batch=2, seed=0) -> np.ndarray:
    """(batch, height, width, 3) float32 in [-1, 1]: waves of many lengths, and some noise."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]][..., None, None, None]
    lengths, phases = 2 ** generator.uniform(1.5, 7, (2, batch, 3, 6)), generator.uniform(0, 6, (batch, 3, 6))
    waves = np.sin(rows / lengths[0] + columns / lengths[1] + phases).sum(-1) / 4
    return np.clip(waves + 0.1 * generator.normal(size=waves.shape), -1, 1).transpose(2, 0, 1, 3).astype(np.float32)


def channels_first(images):
    return torch.from_numpy(np.moveaxis(images, -1, -3).copy())


def ask(network, images):
    """What a judge says; jitted with the network as an argument, as a train step has it."""
    return jax.jit(lambda network, images: network(images))(network, jnp.asarray(images))


def assert_agrees(found, wanted):
    """To 1e-4 of the largest number."""
    wanted = np.asarray(wanted.detach() if isinstance(wanted, torch.Tensor) else wanted)
    assert found.shape == wanted.shape and np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def assert_maps_agree(found, wanted):
    for ours, theirs in zip(found, wanted, strict=True):
        assert_agrees(ours, theirs.detach().permute(0, 2, 3, 1))
