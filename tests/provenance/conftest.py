"""A clip to mark: soft shapes, of which one moves, and a key folder of the tests' own."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def clip() -> np.ndarray:
    """uint8 (50, 128, 128, 3): a gradient, and a textured disc that moves over it."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:128, 0:128]
    texture = rng.uniform(-30, 30, (16, 16)).repeat(8, 0).repeat(8, 1)
    frames = []
    for index in range(50):
        shift = round(6 * np.sin(index / 7))
        disc = (rows - 64) ** 2 + (columns - 64 - shift) ** 2 < 40**2
        light = 90 + rows / 4 + disc * (50 + np.roll(texture, shift, 1))
        frames.append(np.stack([light, light * 0.9, light * 0.8], -1))
    return np.clip(np.round(frames), 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def key_home(tmp_path_factory, monkeypatch):
    """One key for all tests, not the user's own."""
    home = tmp_path_factory.getbasetemp() / "key_home"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    return home / "vasa_jax"
