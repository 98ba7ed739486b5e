"""The PyTorch motion transformer that the benchmark times is the same network, and samples the same motion."""

import jax
import numpy as np
import pytest

from vasa_jax.motion import GUIDANCE, Sampling, cosine_schedule, sample_window
from vasa_jax.motion.solvers import visited

torch = pytest.importorskip("torch")

CONFIG = dict(motion_size=9, feature_size=5, width=32, layers=2, heads=2, feedforward=48, window=8, history=3)


@pytest.fixture(scope="module")
def pair():
    from benchmarks.motion_pair import Pair

    return Pair(CONFIG)


def test_both_networks_give_the_same_output(pair):
    assert pair.difference() < 1e-4
    for name, params in pair.params.items():
        total = sum(x.size for x in jax.tree.leaves(params))
        assert sum(x.numel() for x in pair.twins[name].parameters()) == total, "each parameter has its place"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["teacher", "student"])
def test_both_sample_the_same_motion(pair, name):
    from benchmarks.motion_pair import example_inputs
    from benchmarks.motion_torch import sample

    model, key = pair.models[name], jax.random.key(0)
    _, conditions = example_inputs(model, 2)

    @jax.jit
    def run(params, conditions):
        return sample_window(model, {"params": params}, conditions, key, sampling=Sampling(3), guidance=GUIDANCE)

    ours = run(pair.params[name], conditions)
    noise = np.array(jax.random.normal(key, ours.shape))
    times = np.asarray(visited(3))
    shares = [*np.asarray(cosine_schedule().alpha_bar[times]).tolist(), 1.0]
    with torch.no_grad():
        theirs = sample(pair.twins[name], torch.from_numpy(noise), pair._fields(conditions), GUIDANCE, times, shares)
    assert ours.std() > 0.1, "motion, not a constant"
    np.testing.assert_allclose(theirs, ours, atol=1e-3)


@pytest.mark.slow
def test_works_are_one_window_and_long_audio(pair):
    works = list(pair.works((3, 2), 2, 1.0))
    assert [(work.name, work.seconds) for work in works] == [
        ("one window: 3 steps, 3 branches", 0.32),
        ("one window: 2 steps, 3 branches", 0.32),
        ("one window: 2 steps, one branch, student", 0.32),
        ("1 s: 3 steps, 3 branches", 1.28),
        ("1 s: 2 steps, one branch, student", 1.28),
    ]
    works[-1].jax()
    works[-1].torch()
