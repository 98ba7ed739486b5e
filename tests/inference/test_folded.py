"""What is done once when weights are loaded changes no picture; bfloat16 changes it little."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from vasa_jax.errors import UserError
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.face_programs import decode_frames, encode_portrait
from vasa_jax.inference.folded import as_folded, fold
from vasa_jax.layers import Conv
from vasa_jax.provenance.record import unknown

BAR = 40.0  # dB


def decibels(ours, reference):
    """Peak signal to noise of uint8 frames."""
    error = np.mean((ours.astype(np.float64) - reference) ** 2)
    return np.inf if error == 0 else 10 * np.log10(255**2 / error)


@pytest.fixture(scope="module")
def motion():
    return np.random.default_rng(5).normal(size=(11, 13)).astype(np.float32) * 0.5


@pytest.fixture(scope="module")
def reference(random_checkpoint, picture, motion):
    """Frames by the networks and weights as they were trained, in float32."""
    animator = Animator(random_checkpoint)
    square = animator._square(picture, False)[None]
    face, params = random_checkpoint.models.face, random_checkpoint.params["face"]
    appearance, _ = jax.jit(lambda *args: encode_portrait(face, *args))(params, square)
    pattern, signs = animator._mark(unknown()).pattern, np.ones(len(motion), np.float32)
    decode = jax.jit(lambda *args: decode_frames(face, *args))
    return np.asarray(decode(params, appearance, random_checkpoint.statistics, motion, pattern, signs))


def test_fast_frames_are_the_reference(random_checkpoint, picture, motion, reference):
    frames = Animator(random_checkpoint).draw(picture, motion, crop=False)
    assert decibels(frames, reference) > 60 > BAR


@pytest.mark.slow
def test_bfloat16_stays_near_the_reference(random_checkpoint, picture, motion, reference):
    frames = Animator(random_checkpoint, dtype="bfloat16").draw(picture, motion, crop=False)
    assert BAR < decibels(frames, reference) < 60, "near, and not the same"


def test_the_bar_would_notice(reference):
    assert decibels(np.clip(reference.astype(int) + 4, 0, 255), reference) < BAR


def test_no_other_type_is_taken(random_checkpoint):
    with pytest.raises(UserError, match="the networks compute in float32 or bfloat16, not float16"):
        Animator(random_checkpoint, dtype="float16")


def test_every_gain_is_folded_and_nothing_else_changes(random_checkpoint):
    params = random_checkpoint.params["face"]
    before, after = flatten_dict(params), flatten_dict(jax.jit(fold)(params))
    gains = {path for path in before if path[-1] == "gain"}
    kernels = {(*path[:-1], "kernel") for path in gains}
    assert len(gains) > 10 and after.keys() == before.keys() - gains
    for path in after:
        assert np.array_equal(before[path], after[path]) == (path not in kernels), path


@pytest.mark.parametrize("kernel", [(3, 3), (1, 1), (3, 3, 3)], ids=str)
@pytest.mark.parametrize("standardised", [True, False])
def test_one_convolution(kernel, standardised):
    module = Conv(5, kernel, stride=2 if len(kernel) == 2 else 1, standardised=standardised)
    x = jax.random.normal(jax.random.key(0), (2, *(6,) * len(kernel), 3))
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(1), x)["params"])
    random = np.random.default_rng(2)
    params = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape), jnp.float32), shapes)

    def within(params):
        with as_folded():
            return module.apply({"params": params}, x)

    expected = jax.jit(module.apply)({"params": params}, x)
    folded = jax.jit(lambda params: within(fold(params)))(params)
    np.testing.assert_allclose(folded, expected, atol=1e-5)
    np.testing.assert_array_equal(jax.jit(within)(params), expected)
    assert ("gain" in params) == standardised and jnp.abs(folded).max() > 0.1
