"""The PyTorch network that the benchmark times is the same network."""

import jax
import numpy as np
import pytest

from vasa_jax.face import build_face

torch = pytest.importorskip("torch")

COMPACT = dict(kind="compact", widths=(4, 8, 8), input_size=16)
PAPER_LAYOUT = dict(
    image_size=32,
    view="crop",
    view_size=16,
    fused_warps=False,
    pose_encoder=dict(kind="resnet", stages=(1, 1), width=8, outputs=7, input_size=32),
    dynamics_encoder=dict(kind="resnet", stages=(1, 1), width=8, outputs=6, input_size=32),
    identity_encoder=dict(kind="resnet", stages=(1, 2), bottleneck=True, width=4, outputs=8, map_size=4, input_size=32),
    appearance_encoder=dict(widths=(4, 8, 8), depth=4, channels=6, blocks_3d=1),
    warp=dict(size=(4, 8, 8), seed=(2, 4), widths=(8, 8, 8)),
    refiner=dict(down=(8, 12), up=(12, 8)),
    renderer=dict(width=8, blocks=1, ups=(8, 8)),
)
SMALL_LAYOUT = PAPER_LAYOUT | dict(
    view="unrolled",
    fused_warps=True,
    pose_encoder=dict(COMPACT, outputs=7),
    dynamics_encoder=dict(COMPACT, outputs=6, hidden=8, strips=((0.0, 0.5), (0.3, 1.0))),
    identity_encoder=dict(COMPACT, outputs=8, map_size=4),
    appearance_encoder=dict(widths=(4, 8), depth=4, channels=6, blocks_3d=1, stem_stride=2),
    warp=dict(size=(4, 8, 8), seed=(2, 4), widths=(8, 8, 8), reach=0.5, linear=True),
    renderer=dict(width=8, blocks=1, ups=(8,), final_block=2, modulated=True, warped_source=True),
)


@pytest.mark.slow
@pytest.mark.parametrize("config", [PAPER_LAYOUT, SMALL_LAYOUT], ids=["paper", "small"])
def test_both_networks_draw_the_same_images(config):
    from benchmarks.face_pair import example_images, example_params, to_torch
    from benchmarks.face_torch import FaceTorch

    model = build_face(config)
    params = example_params(model)
    twin = FaceTorch(params, config)
    source = example_images(2, 32)
    driver = 0.5 * source[::-1]
    ours = np.asarray(jax.jit(model.apply)({"params": params}, source, driver))
    theirs = twin(to_torch(source, "cpu"), to_torch(driver, "cpu")).movedim(1, -1).detach().numpy()
    np.testing.assert_allclose(theirs, ours, atol=1e-3)
    assert ours.std() > 0.05, "an image, not a constant"

    read_out = sum(x.size for x in jax.tree.leaves(params["label_readout"]))  # training alone uses it
    total = sum(x.size for x in jax.tree.leaves(params))
    assert sum(x.numel() for x in twin.parameters()) == total - read_out
