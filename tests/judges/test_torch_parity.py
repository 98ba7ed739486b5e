"""Judges agree with a PyTorch build of the same network on the same weights: real ones where they are at hand.

ArcFace's comparison stands with its other tests, which need its file too.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.judges import gaze, load_identity, load_perceptual, load_vgg19

torch = pytest.importorskip("torch")
twins, agreement = pytest.importorskip("torch_twins"), pytest.importorskip("agreement")


@torch.no_grad()
def test_efficientnet_on_the_real_file(assets):
    path = assets / "efficientnet_lite0" / "efficientnet_lite0.npz"
    images = agreement.smooth((70, 64))
    with np.load(path) as file:
        wanted = twins.efficientnet_lite0(file, agreement.channels_first(images))
    agreement.assert_maps_agree(agreement.ask(load_perceptual(path), images), wanted)


@torch.no_grad()
def test_dlibs_resnet_on_the_real_file(assets):
    network, chips = load_identity(assets / "face_identity"), agreement.smooth((150, 150))
    wanted = twins.dlib_resnet(network.weights, agreement.channels_first(chips))
    agreement.assert_agrees(agreement.ask(network, chips), wanted)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@torch.no_grad()
def test_vgg19_on_random_weights(tmp_path, zipped):
    twin, images = twins.randomise(twins.VGG19()), agreement.smooth((37, 48), 1)
    torch.save(twin.state_dict(), tmp_path / "vgg19.pth", _use_new_zipfile_serialization=zipped)
    found = agreement.ask(load_vgg19(tmp_path / "vgg19.pth"), images)
    agreement.assert_maps_agree(found, twin(agreement.channels_first(images)))


@torch.no_grad()
def test_gaze_on_random_weights():
    generator = np.random.default_rng(1)
    shapes = jax.eval_shape(gaze.init_gaze, jax.random.key(0))
    weights = jax.tree.map(lambda x: 0.2 * generator.normal(size=x.shape).astype(np.float32), shapes)
    crops = agreement.smooth((gaze.ROWS, gaze.COLUMNS), 6).reshape(3, 2, gaze.ROWS, gaze.COLUMNS, 3)
    points = generator.normal(size=(3, len(gaze.RIGID), 2)).astype(np.float32)
    read = jax.jit(lambda weights, crops, points: gaze.Gaze(weights).read_crops(crops, points)[0])
    found = read(weights, jnp.asarray(crops), jnp.asarray(points))
    wanted = twins.gaze_network(weights, agreement.channels_first(crops), torch.from_numpy(points))
    agreement.assert_agrees(found, wanted)
