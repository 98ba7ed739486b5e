"""The samplers against what is known in closed form: a Gaussian's exact path from noise, and its variance."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.motion.diffusion import clean_between, cosine_schedule, ddim_step
from vasa_jax.motion.solvers import Sampling, slope_weights, solve, visited

MEAN, DEVIATION = 0.7, 0.4  # of a Gaussian X_0
NOISE = np.linspace(-2, 2, 9)


@pytest.fixture(autouse=True)
def exact():
    with jax.enable_x64():
        yield


def shares_of(steps, begin=1.0, end=0.0):
    """alpha_bar = cos^2(pi u / 2) at even u from `begin`, where 1 is noise, to `end`, where 0 is the clean motion."""
    return jnp.cos(jnp.pi / 2 * jnp.linspace(begin, end, steps + 1)) ** 2


def best_guess(shares):
    """E[X_0 | X_t], which a perfect network would predict."""

    def denoise(noised, index):
        share = shares[index]
        gain = jnp.sqrt(share) * DEVIATION**2 / (share * DEVIATION**2 + 1 - share)
        return MEAN + gain * (noised - jnp.sqrt(share) * MEAN)

    return denoise


def error(sampling, begin=1.0, end=0.0):
    """From the exact path: that of a Gaussian only shifts and scales on its way from noise."""
    shares = shares_of(sampling.steps, begin, end)
    ends = shares[jnp.array([0, -1])]
    first, last = (jnp.sqrt(end) * MEAN + jnp.sqrt(end * DEVIATION**2 + 1 - end) * NOISE for end in ends)
    found = solve(best_guess(shares), first, jax.random.key(0), shares, sampling)
    return float(np.abs(found - last).max())


@pytest.mark.parametrize("sampler", ["ddim", "dpm"])
def test_both_arrive_at_the_exact_solution(sampler):
    assert error(Sampling(1000, sampler)) < 2e-3


def test_dpm_is_of_second_order_and_ddim_of_first():
    """Errors with 40 steps over those with 80, on a stretch without infinite intervals."""
    ratios = {n: error(Sampling(40, n), 0.9, 0.1) / error(Sampling(80, n), 0.9, 0.1) for n in ("ddim", "dpm")}
    assert ratios["ddim"] == pytest.approx(2, abs=0.1)
    assert ratios["dpm"] == pytest.approx(4, abs=0.3)


def test_dpm_is_the_nearer_one_from_noise_to_clean():
    assert error(Sampling(20, "dpm")) < 0.4 * error(Sampling(20))
    assert error(Sampling(100, "dpm")) < 0.2 * error(Sampling(100))


def test_dpm_takes_the_papers_step():
    """Algorithm 2 of arXiv 2211.01095 as it is printed, between two shares away from both ends."""
    shares = jnp.asarray([0.2, 0.4, 0.7])
    alpha, sigma = np.sqrt(shares), np.sqrt(1 - shares)
    growth = np.diff(np.log(alpha / sigma))
    clean = [0.3, -0.5]
    x = sigma[1] / sigma[0] * NOISE - alpha[1] * np.expm1(-growth[0]) * clean[0]
    r = growth[0] / growth[1]
    towards = (1 + 1 / (2 * r)) * clean[1] - 1 / (2 * r) * clean[0]
    expected = sigma[2] / sigma[1] * x - alpha[2] * np.expm1(-growth[1]) * towards

    def known(noised, index):
        return jnp.full_like(noised, jnp.asarray(clean)[index])

    found = solve(known, jnp.asarray(NOISE), jax.random.key(0), shares, Sampling(2, "dpm"))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("first", [0.0, 1.9e-15, 3.7e-33])
def test_a_beginning_at_noise_does_not_depend_on_rounding(first):
    """alpha_bar of the last diffusion step is whatever cos(pi / 2) rounds to, in float32 or float64."""
    weights = slope_weights(jnp.asarray([first, 0.1, 0.5, 0.9, 1.0]))
    assert np.isfinite(weights).all()
    assert (weights[jnp.array([0, 1, 3])] == 0).all() and weights[2] > 0
    np.testing.assert_array_equal(weights, slope_weights(jnp.asarray([0.0, 0.1, 0.5, 0.9, 1.0])))


def test_eta_0_is_the_plain_loop_of_equation_12():
    schedule = cosine_schedule()
    shares = jnp.append(schedule.alpha_bar[visited(7)], 1.0)
    x = NOISE
    for i, (share, after) in enumerate(itertools.pairwise(shares)):
        clean = np.asarray(best_guess(shares)(x, i))
        x = np.sqrt(after) * clean + np.sqrt(1 - after) * (x - np.sqrt(share) * clean) / np.sqrt(1 - share)
    found = solve(best_guess(shares), jnp.asarray(NOISE), jax.random.key(0), shares, Sampling(7))
    np.testing.assert_allclose(found, x, rtol=1e-12)


def test_every_eta_keeps_the_variance_of_the_noised_clean():
    """One step towards a known X_0 = 0 leaves noise of variance 1 - alpha_bar, however much of it is fresh."""
    share, after = jnp.asarray(0.3), jnp.asarray(0.6)
    noise, fresh = jax.random.normal(jax.random.key(0), (2, 200_000))
    spread = [
        ddim_step(jnp.sqrt(1 - share) * noise, jnp.zeros_like(noise), share, after, eta, fresh).std()
        for eta in (0.0, 0.5, 1.0)
    ]
    np.testing.assert_allclose(spread, np.sqrt(0.4), rtol=5e-3)


def test_eta_1_is_the_posterior_of_ddpm():
    """Its fresh noise has beta-tilde of DDPM, equation 7 (arXiv 2006.11239)."""
    share, after = jnp.asarray(0.3), jnp.asarray(0.6)
    nothing = jnp.zeros(1)
    added = ddim_step(nothing, nothing, share, after, 1.0, jnp.ones(1))
    np.testing.assert_allclose(added**2, (1 - after) / (1 - share) * (1 - share / after), rtol=1e-12)


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_eta_ends_with_the_datas_variance(eta):
    shares = shares_of(500)
    noise = jax.random.normal(jax.random.key(1), (20_000,))
    found = solve(best_guess(shares), noise, jax.random.key(0), shares, Sampling(500, eta=eta))
    assert found.mean() == pytest.approx(MEAN, abs=0.01)
    assert found.std() == pytest.approx(DEVIATION, rel=0.02)
    assert abs(np.corrcoef(found, noise)[0, 1]) < (0.1 if eta == 1 else 0.9), "fresh noise has replaced the first"


def test_one_step_is_the_networks_first_guess():
    for sampler in ("ddim", "dpm"):
        assert error(Sampling(1, sampler)) == pytest.approx(np.abs(DEVIATION * NOISE).max())


def test_a_step_towards_what_lies_between_arrives():
    share, after = jnp.asarray(0.2), jnp.asarray(0.5)
    reached = jnp.asarray(NOISE[::-1])
    clean = clean_between(jnp.asarray(NOISE), reached, share, after)
    np.testing.assert_allclose(ddim_step(jnp.asarray(NOISE), clean, share, after), reached, rtol=1e-12)
    np.testing.assert_array_equal(clean_between(jnp.asarray(NOISE), reached, share, jnp.ones(())), reached)


@pytest.mark.parametrize("steps", [1, 3, 4, 50, 1000])
def test_steps_are_even_and_begin_at_the_noise(steps):
    times = np.asarray(visited(steps))
    assert len(times) == steps and times[0] == 999
    assert (np.abs(np.diff(times) + 1000 / steps) <= 1).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sampler": "euler"}, "no sampler is called 'euler'; there are ddim, dpm"),
        ({"steps": 0}, "from 1 to 1000, not 0"),
        ({"eta": 1.5}, "eta is from 0 to 1"),
        ({"eta": 0.5, "sampler": "dpm"}, "eta is of the sampler ddim"),
    ],
)
def test_samplings_that_cannot_be(wrong, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**wrong)
