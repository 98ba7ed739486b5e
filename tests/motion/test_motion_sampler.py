"""Guidance is the paper's equation; windows chain exactly; one program serves every clip."""

import itertools
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.motion import Sampling, initial_state, make_sampler, sample_clip, sample_window
from vasa_jax.motion.conditions import NAMES, without
from vasa_jax.motion.guidance import guided
from vasa_jax.motion.sampler import denoiser

WINDOW, HISTORY, MOTION, FEATURE = 6, 2, 5, 7
STEP = jnp.array([3, 900])


def stub(predict):
    """A model without weights."""
    return SimpleNamespace(
        window=WINDOW,
        history=HISTORY,
        motion_size=MOTION,
        told=(),
        apply=lambda _, noised, step, c: predict(noised, step, c),
    )


def by_flags(noised, step, c):
    """Another multiple of the input for every set of present conditions."""
    number = sum(2.0**i * getattr(c, f"has_{name}") for i, name in enumerate(NAMES))
    return noised * (1 + number[:, None, None])


@pytest.mark.parametrize("names", [n for size in range(4) for n in itertools.combinations(NAMES, size)])
def test_guidance_is_equation_2_for_any_set(conditions, noised, names):
    scales = {name: 0.5 + i for i, name in enumerate(names)}
    expected = (1 + sum(scales.values())) * by_flags(noised, STEP, conditions)
    for name, scale in scales.items():
        expected -= scale * by_flags(noised, STEP, without(conditions, name))
    np.testing.assert_allclose(
        guided(by_flags, noised, STEP, conditions, scales), expected, rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize("names", [("audio",), ("previous", "emotion"), NAMES])
def test_a_scale_of_0_changes_no_bit_of_the_rest(conditions, noised, names):
    others = {name: 0.7 for name in names[1:]}
    with_zero = guided(by_flags, noised, STEP, conditions, {names[0]: 0.0, **others})
    np.testing.assert_array_equal(with_zero, guided(by_flags, noised, STEP, conditions, others))


def test_examples_may_have_scales_of_their_own(conditions, noised):
    scales = {"audio": jnp.array([0.5, 2.0]), "gaze": jnp.array([1.0, 0.0])}
    both = guided(by_flags, noised, STEP, conditions, scales)
    for i in range(2):
        one = guided(by_flags, noised, STEP, conditions, {name: float(scale[i]) for name, scale in scales.items()})
        np.testing.assert_allclose(both[i], one[i], rtol=1e-6)


def test_guidance_is_one_forward_pass(conditions, noised):
    batches = []

    def note(x, step, c):
        batches.append(len(x))
        return x

    guided(note, noised, STEP, conditions, {"audio": 0.5, "gaze": 1.0})
    assert batches == [3 * len(noised)]


def test_scale_0_is_no_guidance_to_the_bit(model, variables, conditions):
    @jax.jit
    def sample(guidance):
        return sample_window(model, variables, conditions, jax.random.key(0), sampling=Sampling(4), guidance=guidance)

    plain = sample({})
    np.testing.assert_array_equal(sample({"audio": 0.0, "gaze": 0.0}), plain)
    assert np.abs(sample({"audio": 0.5, "gaze": 0.0}) - plain).max() > 1e-4


@pytest.mark.parametrize("steps", [1, 4, 50, 1000])
def test_ddim_arrives_at_the_motion_a_stub_knows(conditions, noised, steps):
    model = stub(lambda x, step, c: jnp.tile(noised, (len(x) // 2, 1, 1)))
    guidance = {"audio": 0.5, "gaze": 1.0}
    found = sample_window(model, {}, conditions, jax.random.key(0), sampling=Sampling(steps), guidance=guidance)
    np.testing.assert_allclose(found, noised, atol=1e-5)


def test_sampling_starts_at_the_last_step_and_goes_down(conditions):
    def tell(x, step, c):
        jax.debug.callback(lambda s: seen.append(int(s[0])), step, ordered=True)
        return x

    seen = []
    sample_window(stub(tell), {}, conditions, jax.random.key(0), sampling=Sampling(5), guidance={})
    jax.effects_barrier()
    assert seen == [999, 799, 599, 399, 199]


def clip_arguments(windows, valid, seed=0):
    features = jax.random.normal(jax.random.key(seed), (2, windows * WINDOW, FEATURE))
    controls = (jnp.full((2, 2), 0.1), jnp.full((2, 1), 1.1), jnp.zeros((2, 6)))
    return features, jnp.asarray(valid, jnp.int32), *controls, jax.random.key(seed)


@pytest.fixture(scope="module")
def sampler(model):
    """Samples up to four windows."""
    return make_sampler(model, sampling=Sampling(3), windows=4)


@pytest.fixture(scope="module")
def sample(sampler, variables):
    return partial(sampler, variables)


@pytest.mark.slow
def test_two_segments_chained_are_one_long_clip(model, variables, sample):
    features, _, *rest = clip_arguments(4, [0, 0])
    whole, _ = sample(features, jnp.array([24, 21]), *rest)
    half = partial(make_sampler(model, sampling=Sampling(3), windows=2), variables)
    first, state = half(features[:, :12], jnp.array([12, 12]), *rest)
    second, state = half(features[:, 12:], jnp.array([12, 9]), *rest, state=state)
    np.testing.assert_allclose(jnp.concatenate([first, second], 1), whole, atol=1e-6)
    assert state.frame == 4 * WINDOW


def test_windows_follow_from_the_one_before(model, variables, sample, conditions):
    features, valid, gaze, distance, emotion, key = clip_arguments(2, [12, 12])
    motions, state = sample(features, valid, gaze, distance, emotion, key)
    np.testing.assert_array_equal(state.motion, motions[:, 12 - HISTORY : 12])
    np.testing.assert_array_equal(state.audio, features[:, -HISTORY:])
    second = conditions.replace(
        previous_motion=motions[:, WINDOW - HISTORY : WINDOW],
        previous_audio=features[:, WINDOW - HISTORY : WINDOW],
        audio=features[:, WINDOW:], gaze=gaze, distance=distance, emotion=emotion,
    )  # fmt: skip
    key = jax.random.fold_in(key, 1)
    guidance = {"audio": 0.5, "gaze": 1.0}
    expected = jax.jit(
        lambda c, k: sample_window(model, variables, c, k, sampling=Sampling(3), guidance=guidance)
    )(second, key)  # fmt: skip
    np.testing.assert_allclose(motions[:, WINDOW:12], expected, atol=1e-5)


def test_speech_after_the_end_is_not_heard_and_later_windows_are_skipped(sample):
    features, valid, *rest = clip_arguments(3, [8, 3])
    motions, state = sample(features, valid, *rest)
    other, _ = sample(features.at[0, 8:].add(1.0).at[1, 3:].add(1.0), valid, *rest)
    np.testing.assert_array_equal(motions[0], other[0])
    np.testing.assert_array_equal(motions[1, :WINDOW], other[1, :WINDOW])
    np.testing.assert_array_equal(motions[:, 2 * WINDOW :], 0)
    assert state.frame == 2 * WINDOW


def test_a_clip_that_ends_elsewhere_begins_the_same(sample):
    features, _, *rest = clip_arguments(3, [0, 0])
    long, _ = sample(features, jnp.array([18, 18]), *rest)
    short, _ = sample(features, jnp.array([12, 12]), *rest)
    np.testing.assert_array_equal(short[:, :12], long[:, :12])


def test_one_program_for_every_clip(sampler, variables, caplog):
    random = np.random.default_rng(0)

    def run(frames, seed, scale, state):
        features = random.normal(size=(2, frames, FEATURE)).astype(np.float32)
        controls = [random.uniform(size=(2, size)) for size in (2, 1, 6)]
        valid = np.array([frames, frames - 1])
        scales = {"audio": scale, "gaze": 1.0}
        return sampler(variables, features, valid, *controls, jax.random.key(seed), scales, state)

    motion, state = run(18, seed=0, scale=0.5, state=None)
    motions = [motion]
    with jax.log_compiles(), caplog.at_level("WARNING"):
        for frames, seed, scale in [(18, 1, 0), (13, 2, 2.0), (4, 3, 0.5)]:
            motions += [run(frames, seed, scale, state)[0], run(frames, seed, scale, None)[0]]
    assert not [record.message for record in caplog.records if "Compiling" in record.message]
    assert sampler.program._cache_size() == 1
    assert {m.shape for m in motions} == {(2, 4 * WINDOW, MOTION)}
    assert np.isfinite(motions).all()


@pytest.mark.parametrize("sampling", [Sampling(4, "dpm"), Sampling(3, eta=1.0)], ids=["dpm", "eta"])
def test_each_sampler_and_number_of_steps_is_one_program(model, variables, sample, sampling):
    other = make_sampler(model, sampling=sampling, windows=4)
    features, valid, *controls, key = clip_arguments(2, [12, 12])
    motion, _ = other(variables, features, valid, *controls, key)
    np.testing.assert_array_equal(motion, other(variables, features, valid, *controls, key)[0])
    moved, _ = other(variables, features, valid, *controls, jax.random.key(9))
    other(variables, features[:, :7], jnp.array([7, 3]), *controls, key, {"audio": 0.0, "gaze": 3.0})
    assert other.program._cache_size() == 1
    for differs in (moved, sample(features, valid, *controls, key)[0]):
        assert np.abs(motion - differs).max() > 1e-3, "another key or sampler, other motion"


def test_a_model_that_is_told_the_scales_runs_one_branch(conditions, noised):
    seen = []

    def apply(_, x, step, c, scales):
        seen.append((len(x), scales))
        return x * scales.sum(-1)[:, None, None]

    told = SimpleNamespace(**{**vars(stub(None)), "told": ("audio", "gaze"), "apply": apply})
    denoise = denoiser(told, {}, conditions, {"gaze": jnp.array([2.0, 3.0])})
    np.testing.assert_array_equal(denoise(noised, STEP), noised * jnp.array([2.0, 3.0])[:, None, None])
    assert seen[0][0] == 2 and (seen[0][1] == jnp.array([[0.0, 2.0], [0.0, 3.0]])).all(), "0 where none is given"
    with pytest.raises(ValueError, match="not told the guidance of emotion"):
        denoiser(told, {}, conditions, {"emotion": 1.0})


def test_too_long_a_segment_is_refused(model, variables):
    sample = make_sampler(model, sampling=Sampling(3), windows=1)
    with pytest.raises(ValueError, match="chain segments"):
        sample(variables, *clip_arguments(2, [12, 12]))
    with pytest.raises(ValueError, match="whole number of windows"):
        features, *rest = clip_arguments(1, [5, 5])
        sample_clip(model, variables, features[:, :5], *rest, sampling=Sampling(3), guidance={})


def test_the_first_window_has_no_past(model):
    state = initial_state(model, 2, FEATURE)
    assert not state.has_previous.any()
    assert state.frame == 0
