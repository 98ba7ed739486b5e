"""The losses that keep identity, pose and dynamics apart, and the game with the critic."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.face import losses
from vasa_jax.face.critic import Critic, spectral_norm

KEY = jax.random.key(0)


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


@pytest.mark.parametrize(
    "loss, shapes",
    [
        (losses.consistency, [(2, 8, 8, 3)] * 2),
        (losses.cross_identity, [(3, 5)] * 2),
        (losses.cycle, [(3, 5)] * 2),
        (losses.canonical_agreement, [(2, 2, 4, 4, 3)] * 2),
    ],
)
def test_gradients_in_float64(loss, shapes):
    """Against finite differences in the first argument, the one that always learns."""
    with jax.enable_x64(True):
        first, second = (jnp.asarray(np.random.default_rng(i).normal(size=shape)) for i, shape in enumerate(shapes))
        held = jnp.mean(jnp.abs(first))  # canonical_agreement divides by a size that it holds still

        def value(x):
            factor = jnp.mean(jnp.abs(x)) / held if loss is losses.canonical_agreement else 1.0
            return loss(x, second) * factor

        analytic = jax.grad(lambda x: loss(x, second))(first)
        direction = jnp.asarray(np.random.default_rng(9).normal(size=first.shape))
        step = 1e-6
        measured = (value(first + step * direction) - value(first - step * direction)) / (2 * step)
        np.testing.assert_allclose(jnp.vdot(analytic, direction), measured, rtol=1e-5)


def test_gaze_compares_angles_and_features_and_spares_the_target():
    angles, features = normal(0, 3, 2), (jnp.abs(normal(1, 3, 4)),)
    assert losses.gaze(angles, angles, features, features) == 0
    assert losses.gaze(angles + 0.1, angles, features, features) == pytest.approx(0.1, rel=1e-4)
    double = losses.gaze(angles, angles, (2 * features[0],), features)
    assert double == pytest.approx(1.0, rel=1e-4)
    gradient = jax.grad(losses.gaze, (1, 3))(angles + 0.1, angles, (2 * features[0],), features)
    assert not any(x.any() for x in jax.tree.leaves(gradient))


def test_consistency_is_zero_only_for_equal_drawings():
    image = normal(0, 2, 8, 8, 3)
    assert losses.consistency(image, image) == 0
    assert losses.consistency(image, image + 0.25) == pytest.approx(0.25)
    with_features = losses.consistency(image, image + 0.25, lambda x: (x[:, ::2],))
    assert with_features > 0.25


def test_cross_identity_by_hand():
    a, b = jnp.array([[1.0, 0.0], [3.0, 0.0]]), jnp.array([[2.0, 0.0], [0.0, 1.0]])
    assert losses.cross_identity(a, b) == pytest.approx(0.5), "one agrees, one is at a right angle"
    assert not jax.grad(losses.cross_identity, 1)(normal(0, 2, 4), normal(1, 2, 4)).any()


def test_cycle_is_a_cross_entropy_with_its_margin():
    codes, drivers = normal(0, 4, 6), normal(1, 4, 6)

    def unit(x):
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    cosines = unit(codes) @ unit(drivers).T
    logits = 5.0 * (cosines - 0.2 * np.eye(4))
    expected = np.mean(np.log(np.exp(logits).sum(1)) - np.diag(logits))
    assert losses.cycle(codes, drivers) == pytest.approx(expected, rel=1e-5)
    assert losses.cycle(drivers, drivers) < losses.cycle(codes, drivers) < losses.cycle(drivers[::-1], drivers)
    assert losses.cycle(codes, drivers, margin=0.2) > losses.cycle(codes, drivers, margin=0.0)


def test_canonical_agreement_cannot_be_won_by_shrinking():
    a, b = normal(0, 2, 2, 4, 4, 3), normal(1, 2, 2, 4, 4, 3)
    assert losses.canonical_agreement(a, a) == 0
    distance = float(losses.canonical_agreement(a, b))
    assert losses.canonical_agreement(0.01 * a, 0.01 * b) == pytest.approx(distance, rel=1e-3)
    assert not jax.grad(losses.canonical_agreement, 1)(a, b).any()


def test_hinge_by_hand():
    real, fake = [jnp.array([2.0, 0.5])], [jnp.array([-2.0, 0.5])]
    assert losses.critic_hinge(real, fake) == pytest.approx(0.25 + 0.75)
    assert losses.generator_hinge(fake) == pytest.approx(0.75)


def test_feature_matching_holds_the_real_side():
    fake, real = [normal(0, 2, 4)], [normal(1, 2, 4)]
    assert losses.feature_matching(real, real) == 0
    assert jax.tree.leaves(jax.grad(losses.feature_matching)(fake, real))[0].any()
    assert not jax.tree.leaves(jax.grad(losses.feature_matching, 1)(fake, real))[0].any()


@pytest.mark.parametrize("shape", [(4, 4, 8, 16), (4, 4, 3, 32), (4, 4, 32, 1)])
def test_spectral_norm_is_the_largest_singular_value(shape):
    kernel = normal(3, *shape)
    exact = np.linalg.svd(np.asarray(kernel).reshape(-1, shape[-1]), compute_uv=False)[0]
    assert spectral_norm(kernel) == pytest.approx(exact, rel=0.05)


def test_spectral_norm_gradient_is_the_singular_pair():
    matrix = np.diag([5.0, 2.0, 1.0]).astype(np.float32)
    gradient = jax.grad(lambda k: spectral_norm(k))(jnp.asarray(matrix)[None, None])[0, 0]
    np.testing.assert_allclose(gradient, np.diag([1.0, 0.0, 0.0]), atol=2e-3)


@pytest.mark.slow
def test_the_critic_sees_every_scale_and_is_lipschitz_in_its_layers():
    critic = Critic((4, 8), scales=2)
    images = normal(0, 2, 32, 32, 3)
    params = critic.init(KEY, images)["params"]
    logits, features = critic.apply({"params": params}, images)
    assert [x.shape for x in logits] == [(2, 8, 8, 1), (2, 4, 4, 1)]
    assert [x.shape[1] for x in features] == [16, 8, 8, 4]
    louder = jax.tree.map(lambda x: 100 * x if x.ndim == 4 else x, params)
    again, _ = critic.apply({"params": louder}, images)
    for a, b in zip(logits, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)  # the size of a kernel says nothing
