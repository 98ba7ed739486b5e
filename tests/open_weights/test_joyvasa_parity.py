"""JoyVASA's network, schedule, sampler and padding give what the reference code gave."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.motion.conditions import null_conditions
from vasa_jax.motion.diffusion import STEPS, cosine_schedule, ddim_step
from vasa_jax.motion.sampler import denoiser
from vasa_jax.open_weights.files import joyvasa as files
from vasa_jax.open_weights.files import layouts
from vasa_jax.open_weights.joyvasa.denoiser import waves
from vasa_jax.open_weights.joyvasa.hearing import pad_audio
from vasa_jax.open_weights.joyvasa.model import JoyMotion

NET = JoyMotion(feature_size=32, layers=2, heads=4, feedforward=128, window=20, history=4, steps=8)


@pytest.fixture(scope="module")
def fixture(assets):
    with np.load(assets / "open_weights/joyvasa_small.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def variables(fixture):
    """The fixture holds the inner network alone; what a window starts from is given there as an input."""
    weights = {
        name.replace("weights/", "denoising_net."): x for name, x in fixture.items() if name.startswith("weights/")
    }
    expected = layouts.joyvasa(NET)
    inner = {name: shape for name, shape in expected.items() if name.startswith("denoising_net.")}
    assert not list(layouts.mismatches({name: x.shape for name, x in weights.items()}, inner))
    rest = {name: np.zeros(expected[name], np.float32) for name in expected.keys() - inner.keys()}
    return {"params": jax.tree.map(jnp.asarray, files.generator(NET, weights | rest))}


predict = jax.jit(lambda variables, *inputs: NET.apply(variables, *inputs, method="predict"))


def inputs(fixture):
    return [
        jnp.asarray(fixture[f"forward/in/{name}"]) for name in ("motion", "prev_motion", "audio", "prev_audio", "step")
    ]


def test_one_step_of_the_network(fixture, variables):
    motion, previous, audio, previous_audio, step = inputs(fixture)
    found = predict(variables, motion, previous, audio, previous_audio, step.astype(jnp.float32))
    np.testing.assert_allclose(found, fixture["forward/out/motion"][:, NET.history :], atol=1e-4)


def test_positions_and_steps_are_the_tables_of_the_file(fixture):
    np.testing.assert_allclose(waves(np.arange(600), 32), fixture["weights/PE.pe"][0], atol=2e-4)
    np.testing.assert_allclose(waves(np.arange(9), 32), fixture["weights/TE.pe"][0], atol=1e-5)


def test_our_schedule_is_theirs_at_every_second_step(fixture):
    """So a step of ours can be told to their network; their last steps are clipped, by less than can be seen."""
    ours = np.asarray(cosine_schedule().alpha_bar)[1::2]
    np.testing.assert_allclose(ours, fixture["schedule_500/alpha_bars"][1:], atol=2e-5)


def guided(fixture, variables):
    _, previous, audio, previous_audio, _ = inputs(fixture)
    null = jnp.broadcast_to(fixture["sample/in/null_audio"], audio.shape)
    scale = float(fixture["sample/in/scale"])

    def at(noised, step):
        steps = jnp.full(len(noised), step, jnp.float32)
        heard, deaf = (predict(variables, noised, previous, a, previous_audio, steps) for a in (audio, null))
        return deaf + scale * (heard - deaf)

    return at


def start_and_noise(fixture):
    """Eight arrays: pure noise, and what is added after each step but the last."""
    return jnp.asarray([fixture["forward/in/motion"], *fixture["sample/in/noise"][:-1]])


def test_sampler_step_by_step(fixture, variables):
    """Their ancestral sampling is DDIM with an eta of 1: our step, its shares and noise theirs."""
    (motion, *noise), at = start_and_noise(fixture), guided(fixture, variables)
    shares = jnp.asarray(fixture["schedule_8/alpha_bars"])
    for step, fresh in zip(range(8, 0, -1), [*noise, jnp.zeros_like(motion)], strict=True):
        motion = ddim_step(motion, at(motion, step), shares[step], shares[step - 1], 1.0, fresh)
    np.testing.assert_allclose(motion, fixture["sample/out/motion"], atol=1e-4)


def test_a_step_adds_the_noise_of_their_posterior(fixture):
    bars, sigmas = fixture["schedule_500/alpha_bars"], fixture["schedule_500/sigmas_inflex"]
    zero, one = jnp.zeros(1), jnp.ones(1)
    for step in (2, 10, 250, 499, 500):
        shares = jnp.asarray(bars[step]), jnp.asarray(bars[step - 1])
        np.testing.assert_allclose(ddim_step(zero, zero, *shares, 1.0, one)[0], sigmas[step], atol=1e-4)


def test_guidance_of_their_scale_less_one_is_theirs(fixture, variables):
    """VASA-1's form, through our conditions and our step: what the sampler does with this model."""
    motion, previous, audio, previous_audio, _ = inputs(fixture)
    params = variables["params"] | {"null_audio": jnp.asarray(fixture["sample/in/null_audio"][0, 0])}
    conditions = null_conditions(2, NET.window, NET.history, NET.motion_size, NET.feature_size).replace(
        previous_motion=previous, previous_audio=previous_audio, audio=audio,
        has_previous=jnp.ones(2, bool), has_audio=jnp.ones(2, bool),
    )  # fmt: skip
    ours = jnp.full(2, 5 * STEPS // NET.steps - 1)
    denoise = jax.jit(denoiser(NET, {"params": params}, conditions, {"audio": float(fixture["sample/in/scale"]) - 1}))
    np.testing.assert_allclose(denoise(motion, ours), guided(fixture, variables)(motion, 5), atol=1e-4)


def test_audio_padding(fixture):
    np.testing.assert_array_equal(pad_audio(jnp.asarray(fixture["pad_audio/in"])), fixture["pad_audio/out"])


def test_order_and_signs_come_and_go_with_the_weights(variables):
    """The network in our order, given a vector in our order, answers in our order."""
    rng = np.random.default_rng(0)
    noised, previous = (jnp.asarray(rng.normal(size=(2, n, 76)), jnp.float32) for n in (20, 4))
    audio, previous_audio = (jnp.asarray(rng.normal(size=(2, n, 32)), jnp.float32) for n in (20, 4))
    step = jnp.full(2, 3.0)
    theirs = predict(variables, noised, previous, audio, previous_audio, step)

    def ours(vector):
        return vector[..., list(files.ORDER)] * files.SIGNS

    ordered = {"params": files.in_our_order(jax.tree.map(np.asarray, variables["params"]))}
    found = predict(ordered, ours(noised), ours(previous), audio, previous_audio, step)
    np.testing.assert_allclose(found, ours(np.asarray(theirs)), atol=1e-5)
    assert sorted(files.ORDER) == list(range(76))
