"""ArcFace's network and its chips."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.errors import UserError
from vasa_jax.judges import Identity, alignment, arcface, load_arcface

TEMPLATE = (np.array(alignment.ARCFACE_STANDARD) + 0.5) / 112 * 2 - 1


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A file in arcface_torch's layout, iResNet 18, and the network that wrote it."""
    torch, twins = pytest.importorskip("torch"), pytest.importorskip("torch_twins")
    path, twin = tmp_path_factory.mktemp("arcface") / "backbone.pth", twins.randomise(twins.IResNet((2, 2, 2, 2)))
    torch.save(twin.state_dict(), path)
    return path, twin


@pytest.fixture(scope="module")
def network(backbone):
    return load_arcface(backbone[0])


def landmarks_at(points: np.ndarray) -> jnp.ndarray:
    """(1, 68, 2) iBUG landmarks, y up, whose five points are `points` (5, 2), y down; the rest is far away."""
    landmarks = np.full((68, 2), 9.0)
    ring = 0.1 * np.stack([np.cos(np.arange(6)), np.sin(np.arange(6))], -1)
    for begin, centre in ((36, points[0]), (42, points[1])):
        landmarks[begin : begin + 6] = centre + ring - ring.mean(0)
    landmarks[[30, 48, 54]] = points[2:]
    return jnp.asarray(landmarks * (1, -1), jnp.float32)[None]


def test_it_agrees_with_pytorch_on_random_weights_and_statistics(backbone, network):
    agreement = pytest.importorskip("agreement")
    chips = agreement.smooth((112, 112))
    wanted = backbone[1](agreement.channels_first(chips))
    agreement.assert_agrees(agreement.ask(network, chips), wanted)


@pytest.mark.parametrize(("depth", "blocks"), arcface.DEPTHS.items())
def test_the_depth_is_read_from_the_names(depth, blocks):
    names = [f"layer{stage}.{n}.conv1.weight" for stage, count in enumerate(blocks, 1) for n in range(count)]
    assert arcface._depth(dict.fromkeys([*names, "conv1.weight", "fc.bias"], np.zeros(1))) == depth


def test_a_chip_of_template_points_is_the_image():
    image = jax.image.resize(jax.random.uniform(jax.random.key(3), (1, 10, 10, 3)), (1, 224, 224, 3), "cubic")
    chip = alignment.align_five(image, landmarks_at(TEMPLATE))
    np.testing.assert_allclose(chip, image.reshape(1, 112, 2, 112, 2, 3).mean((2, 4)), atol=1e-4)


def test_the_fit_is_from_the_image_to_the_template():
    """A face that no similarity brings onto the template: the smallest error counts in pixels of the template."""
    generator = np.random.default_rng(0)
    points = TEMPLATE * 0.6 + generator.normal(size=(5, 2)) * 0.08
    rows = [[[x, -y, 1, 0], [y, x, 0, 1]] for x, y in points]
    solved = np.linalg.lstsq(np.concatenate(rows), ((TEMPLATE + 1) / 2).ravel(), rcond=None)[0]
    a, b, *shift = solved
    # The picture is its own x and y: each pixel of the chip tells where it was taken from.
    centres = (np.arange(100) + 0.5) / 50 - 1
    x, y = np.meshgrid(centres, centres)
    picture = jnp.asarray(np.stack([x, y, 0 * x], -1), jnp.float32)[None]
    seen = np.asarray(alignment.align_five(picture, landmarks_at(points)))[0, ..., :2]
    inside = np.abs(seen).max(-1) < 0.95
    place = (np.indices((112, 112))[::-1].transpose(1, 2, 0) + 0.5) / 112
    found = seen @ np.array([[a, b], [-b, a]]) + shift
    assert inside.mean() > 0.3
    np.testing.assert_allclose(found[inside], place[inside], atol=1e-3)


def test_both_identity_judges_are_called_alike(network):
    images, landmarks = jnp.zeros((2, 64, 64, 3)), jnp.tile(landmarks_at(TEMPLATE), (2, 1, 1))
    for judge, size in ((network, 112), (Identity({}), 150)):
        assert judge.chip_size == size
        assert jax.eval_shape(judge.chips, images, landmarks).shape == (2, size, size, 3)


def test_the_image_gets_a_gradient(network):
    image = jax.random.uniform(jax.random.key(0), (1, 80, 80, 3), minval=-1, maxval=1)

    def likeness(image, network):
        return network(network.chips(image, landmarks_at(TEMPLATE * 0.8)))[0, :8].sum()

    gradient = jax.jit(jax.grad(likeness))(image, network)
    assert np.isfinite(gradient).all() and (np.abs(gradient[0, 20:60, 20:60]).max(-1) > 0).mean() > 0.9


def test_a_missing_or_wrong_file_is_one_line(tmp_path, backbone):
    with pytest.raises(UserError, match=r"no file of weights at .*absent\.pth; expected " + re.escape(arcface.ORIGIN)):
        load_arcface(tmp_path / "absent.pth")
    torch = pytest.importorskip("torch")
    torch.save({"conv1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"an ArcFace backbone \(its stages have 0, 0, 0, 0 blocks\); expected a"):
        load_arcface(tmp_path / "other.pth")
    state = backbone[1].state_dict()
    torch.save({**state, "layer2.0.conv1.weight": torch.zeros(128, 32, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="not an ArcFace backbone") as caught:
        load_arcface(tmp_path / "other.pth")
    assert "\n" not in str(caught.value)
    del state["bn2.running_mean"]
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"\('bn2\.running_mean'\); expected"):
        load_arcface(tmp_path / "other.pth")
