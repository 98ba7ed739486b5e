"""The PyTorch networks that the benchmark times are the same networks, converted from the same published files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.checkpoint import load

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def checkpoint(weights):
    return load(weights)


@pytest.mark.slow
def test_both_draw_the_same_frames(checkpoint):
    from benchmarks.liveportrait_torch import LivePortraitTorch

    face, params = checkpoint.models.face, checkpoint.params["face"]
    twin = LivePortraitTorch(params, checkpoint.config["face"]).eval()
    rng = np.random.default_rng(0)
    source, driver = jnp.asarray(rng.uniform(-1, 1, (2, 3, 64, 64, 3)), jnp.float32)
    variables = {"params": jax.tree.map(jnp.asarray, params)}
    appearance, _ = face.apply(variables, source, method="encode")
    ours = np.asarray(face.apply(variables, appearance, face.apply(variables, driver, method="motion"), method="draw"))
    with torch.no_grad():
        kept, _ = twin.encode(to_torch(source))
        _, motion = twin.encode(to_torch(driver))
        theirs = twin.decode(kept, motion).movedim(1, -1).numpy()
    assert np.abs(ours - theirs).max() < 1e-4 * np.abs(ours).max()
    assert ours.std((1, 2)).min() > 0.01 and np.abs(ours[0] - ours[1]).max() > 0.01

    unused = sum(x.size for name in ("lip_retargeting", "eye_retargeting") for x in jax.tree.leaves(params[name]))
    assert sum(x.numel() for x in twin.parameters()) == sum(x.size for x in jax.tree.leaves(params)) - unused


def to_torch(image):
    return torch.from_numpy(np.array(image)).movedim(-1, 1)
