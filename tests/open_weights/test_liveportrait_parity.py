"""Each network of LivePortrait gives what the reference code gave, on small configurations with random weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.open_weights.files import layouts
from vasa_jax.open_weights.files import liveportrait as files
from vasa_jax.open_weights.liveportrait.appearance import AppearanceExtractor
from vasa_jax.open_weights.liveportrait.generator import Generator
from vasa_jax.open_weights.liveportrait.keypoints import FLIP, place, rotation, to_motion
from vasa_jax.open_weights.liveportrait.reader import MotionExtractor
from vasa_jax.open_weights.liveportrait.sampling import with_zeros_around
from vasa_jax.open_weights.liveportrait.stitching import STITCHING, Stitching
from vasa_jax.open_weights.liveportrait.warp import Compressor, WarpingModule

APPEARANCE = AppearanceExtractor(widths=(8, 16, 32), depth=8, channels=4, blocks=2)
MOTION = MotionExtractor(depths=(1, 1, 2, 1), widths=(8, 16, 24, 32))
WARPING = WarpingModule(widths=(8, 16, 32), last_width=4, features=32)
COMPRESSOR = Compressor()
GENERATOR = Generator(width=64, blocks=6, ups=(32, 64))


@pytest.fixture(scope="module")
def fixture(assets):
    with np.load(assets / "open_weights/liveportrait_small.npz") as file:
        return dict(file)


def weights_of(fixture, network):
    prefix = f"{network}/weights/"
    return {name.removeprefix(prefix): value for name, value in fixture.items() if name.startswith(prefix)}


def last(array):
    """Channels first to channels last."""
    return np.moveaxis(array, 1, -1)


def run(module, params, *inputs):
    params = jax.tree.map(jnp.asarray, params)
    return jax.jit(lambda params, *inputs: module.apply({"params": params}, *inputs))(params, *inputs)


def assert_close(found, expected, bound=1e-4):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < bound * max(1, np.abs(expected).max())


def test_appearance_extractor(fixture):
    weights = weights_of(fixture, "appearance_feature_extractor")
    assert not list(layouts.mismatches(shapes(weights), layouts.appearance_extractor(APPEARANCE)))
    found = run(
        APPEARANCE,
        files.appearance_extractor(APPEARANCE, weights),
        last(fixture["appearance_feature_extractor/in/image"]),
    )
    assert_close(found, last(fixture["appearance_feature_extractor/out/volume"]))


def shapes(weights):
    return {name: value.shape for name, value in weights.items()}


@pytest.fixture(scope="module")
def reading(fixture):
    weights = weights_of(fixture, "motion_extractor")
    assert not list(layouts.mismatches(shapes(weights), layouts.motion_extractor(MOTION)))
    return run(MOTION, files.motion_extractor(MOTION, weights), last(fixture["motion_extractor/in/image"]))


def test_motion_extractor(fixture, reading):
    for ours, theirs in {"keypoints": "kp", "expression": "exp", "translation": "t", "scale": "scale"}.items():
        expected = fixture[f"motion_extractor/out/{theirs}"]
        assert_close(getattr(reading, ours).reshape(expected.shape), expected)
    for i, name in enumerate(("pitch", "yaw", "roll")):
        assert_close(reading.angles[:, i], fixture[f"pose/out/{name}_degrees"])


def test_pose_in_our_frame_gives_their_rotation_and_keypoints(fixture, reading):
    motion = to_motion(reading, spare=6)
    assert motion.vector.shape == (2, 76)
    assert_close(rotation(motion.pose).swapaxes(1, 2), fixture["pose/out/rotation"], 1e-5)
    assert_close(place(reading.keypoints, motion), fixture["pose/out/keypoints"])


def test_our_frame_is_theirs_turned_and_not_mirrored():
    assert np.prod(FLIP) == 1


def test_warping_module(fixture):
    weights = weights_of(fixture, "warping_module")
    volume = last(fixture["warping_module/in/volume"])
    depth, channels = volume.shape[1], volume.shape[-1]
    assert not list(layouts.mismatches(shapes(weights), layouts.warping_module(WARPING, COMPRESSOR, depth, channels)))
    compressed = run(COMPRESSOR, files.compressor(weights), volume)
    keypoints = [fixture[f"warping_module/in/kp_{which}"] for which in ("source", "driving")]
    padded = with_zeros_around(jnp.asarray(volume))
    warped = run(WARPING, files.warping_module(WARPING, depth, weights), padded, compressed, *keypoints)
    assert_close(warped.deformation, fixture["warping_module/out/deformation"])
    assert_close(warped.occlusion, last(fixture["warping_module/out/occlusion_map"]))
    assert_close(warped.features, last(fixture["warping_module/out/out"]))


def test_generator(fixture):
    weights = weights_of(fixture, "spade_generator")
    feature = last(fixture["spade_generator/in/feature"])
    assert not list(layouts.mismatches(shapes(weights), layouts.generator(GENERATOR, feature.shape[-1])))
    found = run(GENERATOR, files.generator(GENERATOR, weights), feature)
    assert_close(found, last(fixture["spade_generator/out/image"]))


def test_stitching(fixture):
    weights = weights_of(fixture, "stitching")
    assert not list(layouts.mismatches(shapes(weights), layouts.mlp(126, STITCHING, 65)))
    source, driving = (fixture[f"stitching/in/kp_{which}"] for which in ("source", "driving"))
    found = run(Stitching(), files.mlp(len(STITCHING) + 1, weights), source, driving)
    delta = fixture["stitching/out/delta"]
    moved = driving + delta[:, :63].reshape(-1, 21, 3)
    moved[..., :2] += delta[:, None, 63:]
    assert_close(found, moved)
