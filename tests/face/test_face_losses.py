import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.face import losses


def images(seed, size=16):
    return jax.random.uniform(jax.random.key(seed), (2, size, size, 3), minval=-1)


ONE = jnp.ones((2, 16, 16, 1))


@pytest.mark.parametrize("loss", [losses.l1, losses.multiscale_l1, losses.gradient_l1])
def test_image_losses_are_zero_only_at_the_target(loss):
    image = images(0)
    assert loss(image, image, ONE) == 0
    assert loss(image, images(1), ONE) > 0.01
    assert loss(image, images(1), 0 * ONE) == 0


def test_l1_is_the_weighted_mean():
    weight = ONE.at[:, :8].set(3.0)
    assert losses.l1(jnp.full((2, 16, 16, 3), 0.5), jnp.zeros((2, 16, 16, 3)), weight) == pytest.approx(1.0)


def test_coarse_levels_see_a_shade_and_not_a_checkerboard():
    checks = jnp.asarray(np.indices((16, 16)).sum(0) % 2 * 2.0 - 1)[None, :, :, None] * jnp.ones((2, 1, 1, 3))
    nothing = jnp.zeros_like(checks)
    assert losses.multiscale_l1(checks, nothing, ONE) == pytest.approx(0)
    assert losses.multiscale_l1(nothing + 0.25, nothing, ONE, levels=2) == pytest.approx(0.5)


def test_gradient_loss_sees_edges_and_not_a_shade():
    image = images(0)
    assert losses.gradient_l1(image + 0.3, image, ONE) == pytest.approx(0, abs=1e-6)
    edge = image.at[:, 8:].add(0.4)
    assert losses.gradient_l1(edge, image, ONE) == pytest.approx(0.4 / 15, rel=1e-4)


def test_perceptual_loss_compares_every_layer_and_spares_the_target():
    def features(image):
        return image[:, ::2], 100 * image[:, :, ::2]

    near, far = (float(losses.perceptual(images(0) + d, images(0), features)) for d in (0.01, 0.1))
    assert far == pytest.approx(10 * near, rel=1e-3)
    blind = losses.perceptual(images(0).at[:, 1::2].set(0), images(0), features)
    assert blind > 0, "the second layer sees rows that the first does not"
    assert not jax.grad(losses.perceptual, 1)(images(0), images(1), features).any()


def test_pose_loss_leaves_out_the_depth_that_cannot_be_seen():
    pose = jnp.zeros((3, 7))
    assert losses.pose_l1(pose.at[:, 5].set(9.0), pose) == 0
    assert losses.pose_l1(pose.at[:, 1].set(0.6), pose) == pytest.approx(0.1)


def test_label_loss_is_one_for_a_constant_guess():
    label = jax.random.normal(jax.random.key(0), (4000, 3)) * jnp.array([0.1, 1.0, 5.0])
    assert losses.label_mse(jnp.zeros_like(label), label, label.std(0)) == pytest.approx(1, rel=0.01)


def test_region_weights_lie_on_mouth_and_eyes():
    ring = 0.15 * jnp.stack([jnp.cos(jnp.arange(20.0)), jnp.sin(jnp.arange(20.0))], -1)
    landmarks = jnp.zeros((1, 68, 2)).at[:, 48:68].set(ring + jnp.array([0.0, -0.5]))
    landmarks = landmarks.at[:, 36:42].set(ring[:6] + 0.5)
    landmarks = landmarks.at[:, 42:48].set(ring[:6] + jnp.array([-0.5, 0.5]))
    weight = losses.region_weights(landmarks, 64, mouth=6.0, eyes=4.0)[0, ..., 0]
    assert weight[48, 32] > 5, "the mouth is below the middle: rows grow downwards"
    assert weight[16, 48] > 3.5 and weight[16, 16] > 3.5
    assert weight[60, 60] == pytest.approx(1, abs=1e-3)
