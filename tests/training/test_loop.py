import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax import room_weights
from vasa_jax.data import clips, pipeline
from vasa_jax.errors import UserError
from vasa_jax.training import face, loop
from vasa_jax.training.budget import Budget
from vasa_jax.training.checkpoint import Checkpoints, TornCheckpoint, newest
from vasa_jax.training.health import Health
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


@pytest.mark.slow
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
    state = loop.train(stage, settings(steps=30), tmp_path)
    assert state.step == 4 and signal.getsignal(signal.SIGTERM) == before
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


def test_a_torn_checkpoint_is_trained_and_saved_again(stage, losses, tmp_path):
    loop.train(stage, settings(save_every=2), tmp_path)
    expected = list(losses)
    losses.clear()
    (tmp_path / "checkpoints" / "6" / "state" / "manifest.ocdbt").write_bytes(b"")
    with pytest.warns(TornCheckpoint, match=r"checkpoints/6 is torn .* training goes on from step 4"):
        loop.train(stage, settings(save_every=2), tmp_path)
    assert losses == expected[4:] and newest(tmp_path / "checkpoints") == 6


def test_the_seed_belongs_to_the_run(stage, tmp_path):
    loop.train(stage, settings(steps=2), tmp_path)
    with pytest.raises(UserError, match=r"began with config\.seed=1: set it again, or take another --workdir"):
        loop.train(stage, dataclasses.replace(settings(), seed=2), tmp_path)


def test_minutes_are_the_clock_of_one_process(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(UserError, match=r"set config\.steps"):
        loop.train(stage, loop.Settings(Budget(minutes=1.0)), tmp_path)


class Spoiled:
    """A source in which a clip has a label that is no number."""

    def __init__(self, source, clip):
        self.source, self.clip = source, clip

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        record = self.source[index]
        spoil = np.float32(np.nan if clips.text(record["clip"]) == self.clip else 0)
        return {**record, "pose": record["pose"] + spoil}


def test_a_loss_that_is_no_number_stops_the_run_and_is_not_kept(stage, clip_set, tmp_path):
    source, reading = clips.open_clips(clip_set, "train"), pipeline.Reading(2, seed=0)
    drawn = iter(pipeline.batches(source, pipeline.Singles(2), reading))
    first, second = (pipeline.clip_names(next(drawn)["clip"]) for _ in range(2))
    assert len({*first, *second}) == 4 and all(name.startswith("clip") for name in first)
    spoiled = Spoiled(source, second[0])
    phase = dataclasses.replace(stage.phases[0], until=1.0)
    phase = dataclasses.replace(phase, batches=pipeline.batches(spoiled, pipeline.Singles(2), reading))
    place = tmp_path / "not_finite.json"
    says = f"^step 2: not finite: loss, pose; {place} has .* the last good checkpoint is step 1: "
    with pytest.raises(UserError, match=says) as caught:
        loop.train(dataclasses.replace(stage, phases=(phase,)), settings(save_every=1), tmp_path)
    assert "\n" not in str(caught.value) and newest(tmp_path / "checkpoints") == 1
    found = json.loads(place.read_text())
    assert found["step"] == 2 and found["clips"] == second
    assert found["metrics"]["loss"] == found["metrics"]["pose"] == "nan" and found["metrics"]["expression"] > 0
    exported = room_weights.load_room(tmp_path, "face")[1]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(exported))


def test_a_gradient_may_be_infinite_alone(tmp_path):
    health = Health(tmp_path)
    health.check()
    one, nan, inf = jnp.array([1.0, jnp.nan, jnp.inf])
    health.watch(3, {"loss": one, "gradient_norm": one, "shown": nan}, None)
    health.check()
    health.watch(4, {"loss": one, "critic_gradient_norm": inf}, None)
    with pytest.raises(UserError, match=r"step 4: not finite: critic_gradient_norm; .*; there is no checkpoint yet: "):
        health.check()
    assert json.loads((tmp_path / "not_finite.json").read_text())["metrics"]["critic_gradient_norm"] == "inf"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 6 MB in memory; only root may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 200_000])
def test_a_full_disk_says_so_and_keeps_the_last_good_checkpoint(stage, losses, small_disk, tmp_path, left):
    """Filled between the saves of steps 2 and 4, but for some bytes; once there is room again, the run goes on."""
    report, workdir, filling = stage.report, small_disk / "run", small_disk / "filling"

    def fill(params):
        while newest(workdir / "checkpoints") != 2:
            time.sleep(0.001)
        disk = os.statvfs(small_disk)
        if not filling.exists():
            filling.write_bytes(bytes(disk.f_bavail * disk.f_frsize - left))
        return report(params)

    often = dataclasses.replace(settings(save_every=2), report_every=3)
    loop.train(stage, often, tmp_path / "whole")
    expected = list(losses)
    losses.clear()
    with pytest.raises(UserError, match=f"^no space left in {workdir}; the last good checkpoint is step 2: make room"):
        loop.train(dataclasses.replace(stage, report=fill), often, workdir)
    filling.unlink()
    losses.clear()
    loop.train(stage, often, workdir)
    assert losses == expected[2:] and newest(workdir / "checkpoints") == 6
