import json
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax import room_weights
from vasa_jax.data import clips, pipeline
from vasa_jax.errors import UserError
from vasa_jax.training import face, loop
from vasa_jax.training.budget import Budget
from vasa_jax.training.checkpoint import Checkpoints
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.stage import Phase, Report, Stage
from vasa_jax.training.watch import Watch


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory):
    """Each run jits its own step; here they are all the same program."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    for name, value in zip(names, (str(tmp_path_factory.mktemp("programs")), 0.0), strict=True):
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture
def stage(toy, clip_set):
    """Encoders for the first third, then the whole."""
    source = clips.open_clips(clip_set, "train")
    shared = (toy.model, face.Weights(), face.Noise(), jnp.ones(57))
    phases = [
        ("encoders", 1 / 3, pipeline.Singles(2), face.EncoderLoss(*shared)),
        ("face", 1.0, pipeline.FacePairs(2, 1.0), face.FaceLoss(*shared)),
    ]
    rule = Optimiser(learning_rate=3e-3, warmup=2)
    return Stage(
        room="face",
        model={"size": 16},
        init=toy.init,
        phases=tuple(
            Phase(name, until, pipeline.batches(source, sample, pipeline.Reading(2, seed=i)), loss, rule)
            for i, (name, until, sample, loss) in enumerate(phases)
        ),
        report=lambda params: Report({"one": 1.0}, {"dot": np.zeros((2, 2, 3), np.uint8)}),
    )


@pytest.fixture
def losses(monkeypatch):
    """What each step lost, as the progress line is told."""
    told = []

    def step(self, name, count, used, metrics):
        told.append(metrics["loss"])

    monkeypatch.setattr(Watch, "step", step)
    return told


def settings(steps=6, save_every=100):
    return loop.Settings(Budget(steps=steps), seed=1, log_every=1, report_every=4, save_every=save_every)


class Killed(Exception):
    pass


def kill_after_save(monkeypatch, at):
    """The process ends right after the checkpoint of step `at` has been written."""
    save = Checkpoints.save

    def and_die(self, state, position):
        save(self, state, position)
        if int(state.step) == at:
            raise Killed

    monkeypatch.setattr(Checkpoints, "save", and_die)


@pytest.mark.parametrize("at", [2, 4])
def test_a_resumed_run_equals_one_that_was_never_stopped(stage, losses, tmp_path, monkeypatch, at):
    whole = loop.train(stage, settings(), tmp_path / "whole")
    expected = list(losses)
    losses.clear()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after_save(patch, at)
        loop.train(stage, settings(save_every=at), tmp_path / "twice")
    again = loop.train(stage, settings(), tmp_path / "twice")
    assert losses == expected and len(set(expected)) == 6
    jax.tree.map(np.testing.assert_array_equal, whole, again)


def test_a_run_leaves_weights_curves_and_pictures(stage, tmp_path):
    state = loop.train(stage, settings(), tmp_path)
    config, params = room_weights.load_room(tmp_path, "face")
    assert config == {"room": "face", "model": {"size": 16}}
    jax.tree.map(np.testing.assert_array_equal, params, jax.device_get(state.ema))
    assert list(tmp_path.glob("events*")) and (tmp_path / "dot.png").exists()
    assert int(state.step) == 6 and int(state.phase_step) == 4
    assert loop.train(stage, settings(), tmp_path).step == 6, "a finished run has nothing left to do"


def test_sigterm_saves_and_stops(stage, tmp_path):
    report = stage.report

    def stop(params):
        os.kill(os.getpid(), signal.SIGTERM)
        return report(params)

    object.__setattr__(stage, "report", stop)
    before = signal.getsignal(signal.SIGTERM)
    try:
        state = loop.train(stage, settings(steps=30), tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert state.step == 4
    assert (tmp_path / "checkpoints" / "4").is_dir() and (tmp_path / "export" / "config.json").exists()


def test_the_loss_falls(stage, losses, tmp_path):
    loop.train(stage, settings(steps=60), tmp_path)
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[20:28])


def test_a_budget_is_steps_or_minutes():
    assert Budget(steps=10).used(5, 1e9) == 0.5
    assert Budget(minutes=2.0).used(10**9, 30.0) == 0.25
    for wrong in (dict(), dict(steps=1, minutes=1.0)):
        with pytest.raises(UserError, match="exactly one"):
            Budget(**wrong)


def test_exports_say_what_they_are(stage, tmp_path, toy):
    room_weights.save_room(tmp_path / "export", stage.about, toy.init(jax.random.key(0)))
    assert json.loads((tmp_path / "export" / "config.json").read_text())["room"] == "face"
    with pytest.raises(UserError, match="'motion' is needed"):
        room_weights.load_room(tmp_path, "motion")
    with pytest.raises(UserError, match="no trained weights"):
        room_weights.load_room(tmp_path / "elsewhere", "face")


def test_learning_rate_rises_and_falls():
    rule = Optimiser(learning_rate=1.0, warmup=10, final=0.1)
    moments = ((0, 0), (9, 0), (99, 0.5), (999, 1))
    rates = [float(rule.rate(jnp.int32(step), jnp.float32(share))) for step, share in moments]
    np.testing.assert_allclose(rates, [0.1, 1.0, 0.55, 0.1], rtol=1e-5)
    assert rule.decay(jnp.int32(0)) < 0.2 and rule.decay(jnp.int32(10**6)) == pytest.approx(0.999)
