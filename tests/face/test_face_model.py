"""The face latent model: sizes held to the literature, and the mistakes that open attempts at it have made."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.face import build_face
from vasa_jax.face.warp import to_canonical, to_driver
from vasa_jax.geometry import image_to_canonical, volume_grid
from vasa_jax.types import Appearance, HeadPose, Motion


def load_model(name):
    return build_face(importlib.import_module(f"configs.face_{name}").get_config().model.to_dict())


def shapes(model, method, *args):
    image = jax.ShapeDtypeStruct((2, model.image_size, model.image_size, 3), jnp.float32)
    params = jax.eval_shape(model.init, jax.random.key(0), image, image)
    args = [image if a == "image" else a for a in args]
    return params, jax.eval_shape(lambda p, *a: model.apply(p, *a, method=method), params, *args)


def upright(batch, dynamics):
    zero, one = jnp.zeros((batch, 3)), jnp.ones((batch, 1))
    return Motion(HeadPose(zero, zero, one), jnp.zeros((batch, dynamics)))


@pytest.mark.slow
def test_paper_size_is_the_literatures():
    model = load_model("paper")
    params, (appearance, motion) = shapes(model, "encode", "image")
    count = sum(x.size for x in jax.tree.leaves(params["params"]))
    assert abs(count / 199e6 - 1) < 0.03
    assert appearance.volume.shape == (2, 16, 64, 64, 96)
    assert appearance.identity.shape == (2, 4, 4, 512)
    assert appearance.source is None
    assert motion.dynamics.shape == (2, 128) and motion.pose.rotation.shape == (2, 3)
    _, image = shapes(model, "decode", appearance, motion)
    assert image.shape == (2, 512, 512, 3)


@pytest.mark.parametrize("name", ["tiny", "demo"])
def test_other_sizes_build_by_shape(name):
    model = load_model(name)
    _, (appearance, motion) = shapes(model, "encode", "image")
    _, image = shapes(model, "decode", appearance, motion)
    assert image.shape == (2, model.image_size, model.image_size, 3)
    assert motion.dynamics.shape == (2, model.dynamics_size)


@pytest.fixture(scope="module")
def small():
    """A model of the paper's layout and one with every option of the small sizes, both at 32x32."""
    encoder = dict(kind="compact", widths=(4, 8, 8), input_size=16)
    plain = dict(
        image_size=32,
        view="crop",
        view_size=16,
        pose_encoder=dict(encoder, outputs=7),
        dynamics_encoder=dict(encoder, outputs=6),
        identity_encoder=dict(encoder, outputs=8, map_size=4),
        appearance_encoder=dict(widths=(4, 8, 8), depth=4, channels=4, blocks_3d=1),
        warp=dict(size=(4, 8, 8), seed=(2, 4), widths=(8, 8, 4)),
        refiner=dict(down=(4,), up=(4,)),
        renderer=dict(width=8, blocks=1, ups=(8, 4)),
    )
    options = dict(
        plain,
        view="unrolled",
        fused_warps=True,
        warp=dict(plain["warp"], reach=0.5, linear=True),
        renderer=dict(width=8, blocks=1, ups=(8,), final_block=2, modulated=True, warped_source=True),
    )
    return {"plain": build(plain), "options": build(options)}


def build(config):
    model = build_face(config)
    image = jax.random.uniform(jax.random.key(0), (2, 32, 32, 3), minval=-1, maxval=1)
    return model, random_params(jax.eval_shape(model.init, jax.random.key(0), image, image)), image


def random_params(shapes):
    """Random parameters everywhere, without compiling an initialiser, and with no output layer silent at its start."""
    rng = np.random.default_rng(0)

    def fill(path, leaf):
        noise = rng.normal(size=leaf.shape).astype(np.float32)
        if path[-1].key == "kernel":
            return noise / np.sqrt(np.prod(leaf.shape[:-1]))
        return 0.1 * noise + (path[-1].key in ("scale", "gain"))

    return jax.tree_util.tree_map_with_path(fill, shapes)


def run(model, params, *args, method):
    """One compiled call of a method, by name or as a function of the model."""
    return jax.jit(lambda p, *a: model.apply(p, *a, method=method))(params, *args)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "options"])
def test_every_parameter_gets_a_finite_gradient(small, kind):
    model, params, image = small[kind]

    @jax.jit
    @jax.grad
    def gradient(p):
        motion = model.apply(p, image[::-1], method="motion")
        labels = model.apply(p, motion.dynamics, method="read_labels")["expression"]
        return jnp.mean(model.apply(p, image, image[::-1]) ** 2) + jnp.mean(labels**2)

    for path, g in jax.tree_util.tree_leaves_with_path(gradient(params)):
        assert np.isfinite(g).all() and np.abs(g).max() > 0, jax.tree_util.keystr(path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "options"])
def test_pose_and_dynamics_both_move_the_image(small, kind):
    model, params, image = small[kind]
    appearance, motion = run(model, params, image, method="encode")
    base = run(model, params, appearance, motion, method="decode")
    turned = Motion(motion.pose.replace(rotation=motion.pose.rotation + 0.3), motion.dynamics)
    spoken = Motion(motion.pose, motion.dynamics + 1.0)
    for other in (turned, spoken):
        assert jnp.abs(run(model, params, appearance, other, method="decode") - base).mean() > 1e-4


def test_displacements_are_signed(small):
    model, params, image = small["plain"]
    appearance, motion = run(model, params, image, method="encode")
    warp = run(model, params, motion.dynamics, appearance.identity, method=lambda m, z, i: m.driver_warp(z, i))
    assert (warp > 1e-3).any() and (warp < -1e-3).any()


def test_depth_is_kept_apart_before_projection(small):
    """Reversing the depth order must change the image: a sum over depth would not notice."""
    model, params, image = small["plain"]
    appearance, _ = run(model, params, image, method="encode")
    flipped = appearance.replace(volume=appearance.volume[:, ::-1])
    still = upright(2, model.dynamics_size)
    a, b = (run(model, params, x, still, method="decode") for x in (appearance, flipped))
    assert jnp.abs(a - b).max() > 1e-4


@pytest.mark.parametrize("fused", [False, True])
def test_identity_warp_is_the_identity(fused):
    volume = jax.random.normal(jax.random.key(0), (2, 4, 8, 8, 3))
    none, pose = jnp.zeros((2, 4, 8, 8, 3)), upright(2, 1).pose
    np.testing.assert_allclose(to_canonical(volume, none, pose, fused)[0], volume, atol=1e-5)
    np.testing.assert_allclose(to_driver(volume, none, pose, fused)[0], volume, atol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
def test_source_and_driver_warps_undo_each_other(fused):
    """A smooth volume to the canonical frame and back under one pose is itself, away from the border."""
    grid = jnp.asarray(volume_grid(16, 16, 16))[None]
    volume = jnp.sin(2 * grid)
    zero = jnp.zeros((1, 16, 16, 16, 3))
    pose = HeadPose(jnp.array([[0.3, -0.1, 0.2]]), jnp.array([[0.05, 0.0, 0.0]]), jnp.array([[1.1]]))
    canonical, _ = to_canonical(volume, zero, pose, fused)
    back, _ = to_driver(canonical, zero, pose, fused)
    middle = (slice(None), *[slice(5, 11)] * 3)
    np.testing.assert_allclose(back[middle], volume[middle], atol=0.05)


def test_fused_and_sequential_warps_agree_on_a_smooth_field():
    grid = jnp.asarray(volume_grid(16, 16, 16))[None]
    volume = jnp.sin(2 * grid)
    bend = 0.1 * jnp.cos(3 * grid[..., ::-1])
    pose = HeadPose(jnp.array([[0.2, 0.1, 0.0]]), jnp.zeros((1, 3)), jnp.ones((1, 1)))
    middle = (slice(None), *[slice(5, 11)] * 3)
    for warp in (to_canonical, to_driver):
        a, b = (warp(volume, bend, pose, fused)[0][middle] for fused in (False, True))
        np.testing.assert_allclose(a, b, atol=0.03)


def test_driver_warp_deforms_first_and_turns_second():
    """The two orders differ; the cell at p must show canonical(p) + deformation(canonical(p))."""
    grid = jnp.asarray(volume_grid(16, 16, 16))[None]
    bend = jnp.zeros_like(grid).at[..., 0].set(0.2)
    pose = HeadPose(jnp.array([[0.0, 0.0, jnp.pi / 2]]), jnp.zeros((1, 3)), jnp.ones((1, 1)))
    shown = to_driver(grid, bend, pose, fused=False)[0][:, 8, 8, 8]
    expected = image_to_canonical(grid, pose)[:, 8, 8, 8] + jnp.array([0.2, 0.0, 0.0])
    np.testing.assert_allclose(shown, expected, atol=1e-3)


def test_a_larger_head_in_the_image_gets_a_larger_scale(small):
    model, params, image = small["plain"]
    pose = run(model, params, image, method="pose")
    assert (pose.scale > 0).all() and (pose.translation[:, 2] == 0).all()


@pytest.mark.slow
def test_appearance_is_a_pytree_with_a_batch_axis(small):
    model, params, image = small["options"]
    appearance, motion = run(model, params, image, method="encode")
    assert isinstance(appearance, Appearance)
    one = jax.tree.map(lambda x: jnp.repeat(x[:1], 3, 0), appearance)
    three = Motion.from_vector(jnp.repeat(motion.vector[:1], 3, 0))
    assert run(model, params, one, three, method="decode").shape == (3, 32, 32, 3)
