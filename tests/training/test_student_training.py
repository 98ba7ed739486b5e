"""The student's loss asks for the teacher's path; a student trained through the loop is released and sampled with."""

import dataclasses
import json
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict
from motion_windows import draw

from vasa_jax.data import array_records, motion_set
from vasa_jax.errors import UserError
from vasa_jax.evaluation import samplers
from vasa_jax.models import init_motion
from vasa_jax.motion import GUIDANCE, Sampling, build_motion, sample_window
from vasa_jax.room_weights import load_room, save_room
from vasa_jax.training import loop, motion, motion_stage, stages, student
from vasa_jax.training.stage import Company, Report
from vasa_jax.types import EMOTIONS

SIZES = dict(motion_size=9, feature_size=3, width=16, layers=1, heads=2, feedforward=16, window=12, history=3)
TEACHER = build_motion(SIZES)
STUDENT = build_motion({**SIZES, "told": ["audio", "gaze"]})
KEY = jax.random.key(0)


def loss_of(**changes):
    numbers = {"steps": 2, "substeps": 3, "spread": 0.5, "drop_previous": 0.5, "cut": 0.5}
    return student.StudentLoss(STUDENT, TEACHER, **{**numbers, **changes})


@pytest.fixture(scope="module")
def teacher_params():
    params = jax.jit(lambda key: init_motion(TEACHER, key))(KEY)
    return jax.tree.map(lambda x: x + 0.1 * jax.random.normal(KEY, x.shape), params)


@pytest.fixture(scope="module")
def student_params(teacher_params):
    """As training begins: the teacher's, and a told part that says nothing yet."""
    return {**jax.jit(lambda key: init_motion(STUDENT, key))(KEY), **teacher_params}


@pytest.fixture(scope="module")
def batch():
    return draw(0.0, frames=20, count=4)


@pytest.mark.slow
def test_a_teacher_that_needs_one_step_is_met_at_once(teacher_params, student_params, batch):
    """With as many steps and no guidance, the student that is its teacher has nothing to learn."""
    loss = loss_of(substeps=1, sampler="ddim", largest=(1e-9, 1e-9), spread=1.0)
    value, parts = jax.jit(loss)(student_params, batch, KEY, Company(judges=teacher_params))
    assert value < 1e-9 and parts["first_step"] < 1e-9
    value, _ = jax.jit(loss_of(substeps=1, spread=0.0))(student_params, batch, KEY, Company(judges=teacher_params))
    assert value > 1e-4, "guidance is what is left to learn"


@pytest.mark.slow
def test_the_lids_weigh_in_the_loss(teacher_params, student_params, batch):
    read, company = (1.0, *[0.0] * 8), Company(judges=teacher_params)
    losses = (loss_of(lids=weight, lid_reading=read) for weight in (0.0, 2.0))
    (before, _), (after, parts) = (jax.jit(loss)(student_params, batch, KEY, company) for loss in losses)
    assert after == pytest.approx(float(before + 2 * parts["lids"]), rel=1e-5) and parts["lids"] > 0


def test_the_amount_is_compared_and_not_what_moves():
    taught, other = jax.random.normal(KEY, (2, 64, 12, 9))
    every, error = jnp.ones((64, 12)), jax.jit(student.amount_error)
    assert error(taught, taught, every) == 0
    assert error(taught, taught + 3.0, every) < 1e-6, "where it moves is not how much"
    assert error(taught, other, every) < 0.02, "another motion of the same amount"
    head = taught.at[..., : student.POSE_SIZE].multiply(2.0)
    assert error(taught, head, every) == pytest.approx(np.log(2) ** 2 / 2, rel=0.05), "head and face weigh the same"
    smooth = jnp.cumsum(taught, 1)
    shuffled = smooth[:, jnp.array([*range(0, 12, 2), *range(1, 12, 2)])]
    assert error(smooth, smooth[:, ::-1], every) < 1e-6 < 0.01 < error(smooth, shuffled, every), "nor in which order"


def test_padding_has_no_amount():
    taught, other = jax.random.normal(KEY, (2, 4, 12, 9))
    short = jnp.broadcast_to(jnp.arange(12) < 7, (4, 12)).astype(jnp.float32)
    expected = student.amount_error(taught[:, :7], other[:, :7], jnp.ones((4, 7)))
    assert student.amount_error(taught, other, short) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.slow
def test_the_amount_weighs_in_the_loss(teacher_params, student_params, batch):
    company = Company(judges=teacher_params)
    losses = (loss_of(amount=weight) for weight in (0.0, 2.0))
    (before, _), (after, parts) = (jax.jit(loss)(student_params, batch, KEY, company) for loss in losses)
    assert after == pytest.approx(float(before + 2 * parts["amount"]), rel=1e-5) and parts["amount"] > 0


@pytest.mark.slow
def test_targets_chain_to_the_guided_teachers_motion(teacher_params, batch):
    """A student that always meets its target ends where the teacher does in all its steps, guided as at inference."""
    loss = loss_of(steps=4, substeps=3, sampler="ddim")
    conditions = motion.conditions_of(batch)
    scales = {name: jnp.full(4, scale) for name, scale in GUIDANCE.items()}
    teacher = student.denoiser(TEACHER, {"params": teacher_params}, conditions, scales)
    noise = jax.random.normal(KEY, batch["motion"].shape)
    times, shares = loss._spans()
    x = noise
    for i in range(4):
        x = loss._taught(teacher, x, times[i], shares[i])
    expected = sample_window(
        TEACHER, {"params": teacher_params}, conditions, KEY, sampling=Sampling(12), guidance=GUIDANCE
    )
    np.testing.assert_allclose(x, expected, atol=1e-4)
    np.testing.assert_array_equal(times[:, 0], student.visited(4))


@pytest.mark.slow
def test_the_loss_teaches_every_part_and_leaves_the_teacher_alone(teacher_params, student_params, batch):
    def value(params, teacher):
        return loss_of(spread=1.0, cut=1.0)(params, batch, KEY, Company(judges=teacher))[0]

    started = jax.tree.map(lambda x: x + 0.05, student_params)
    ours, theirs = jax.jit(jax.grad(value, argnums=(0, 1)))(started, teacher_params)
    unseen = {"gaze_or", "distance_or", "emotion_or"}  # nulls: inference always has these controls
    still = {name for name, part in ours.items() if all((leaf == 0).all() for leaf in jax.tree.leaves(part))}
    assert still == unseen
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(theirs))


@pytest.mark.slow
def test_drawn_controls_are_what_users_may_ask_for():
    many = {name: jnp.repeat(value, 200, 0) for name, value in draw(0.0, count=2).items()}
    before = motion.conditions_of(many)
    after = student.other_controls(KEY, before, 0.5)
    drawn = np.asarray((after.gaze != before.gaze).any(1))
    assert drawn.mean() == pytest.approx(0.5, abs=0.1)
    assert ((after.emotion[drawn] > 0).sum(1) == 1).all() and after.emotion.shape == (400, len(EMOTIONS))
    assert np.abs(after.gaze[drawn]).max() <= student.GAZE_RANGE
    assert (after.distance[drawn] >= 0.75).all() and (after.distance[drawn] <= 1.3).all()
    for name in ("gaze", "distance", "emotion"):
        np.testing.assert_array_equal(getattr(after, name)[~drawn], getattr(before, name)[~drawn])


@pytest.fixture(scope="module")
def motion_folder(tmp_path_factory):
    """A motion set of four clips for training and two held out, with its statistics."""
    folder = tmp_path_factory.mktemp("motion")
    generator = np.random.default_rng(0)

    def record(name):
        def some(*shape):
            return generator.normal(size=(24, *shape)).astype(np.float32)

        texts = {key: f"{key} {name}" for key in motion_set.NAMES}
        labels = {"gaze": 0.1 * some(2), "distance": 1 + 0.1 * some(), "expression": some(57), "lip_opening": some()}
        phones = {"label": ["SIL"], "start": [0.0], "end": [0.96]}
        more = {"emotion": np.zeros(6, np.float32), "phones": phones}
        return {**texts, "motion": some(9), "audio_features": some(3), **labels, **more}

    splits = {"train": range(4), "validation": range(4, 6)}
    records = {split: [(f"{split}{i}", record(f"{split}{i}")) for i in which] for split, which in splits.items()}
    array_records.write_set(folder, "motion", motion_set.motion_features(9, 3), records)
    about = motion_set.statistics([each for _, each in records["train"]])
    (folder / motion_set.STATISTICS).write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="module")
def teacher_run(motion_folder, teacher_params, tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    about = {"room": "motion", "model": SIZES, "statistics": motion_set.read_statistics(motion_folder)}
    save_room(folder / "export", about, teacher_params)
    return folder


@pytest.fixture
def config(motion_folder, teacher_run):
    from configs import student_tiny

    config: ConfigDict = student_tiny.get_config()
    config.teacher, config.data.motion = str(teacher_run), str(motion_folder)
    config.minutes, config.steps, config.batch_size = 0.0, 4, 2
    config.losses.steps, config.losses.substeps = 2, 2
    config.loop.save_every = config.loop.report_every = 100
    return config


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_student(config, tmp_path):
    def stop(params):
        os.kill(os.getpid(), signal.SIGTERM)
        return Report()

    whole = loop.train(motion_stage.student_stage(config), stages.settings(config), tmp_path / "whole")
    config.loop.report_every = 2
    stage = motion_stage.student_stage(config)
    half = loop.train(dataclasses.replace(stage, report=stop), stages.settings(config), tmp_path / "run")
    assert int(half.step) == 2
    resumed = loop.train(motion_stage.student_stage(config), stages.settings(config), tmp_path / "run")
    for ours, theirs in zip(*map(jax.tree.leaves, (whole.params, resumed.params)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    about, params = load_room(tmp_path / "run", "student")
    assert about["steps"] == 2 and about["guidance"] == {"audio": 2.0, "gaze": 2.0}
    assert build_motion(about["model"]).told == ("audio", "gaze") and "told_last" in params


@pytest.mark.slow
def test_samplers_are_compared_on_whole_clips(motion_folder, teacher_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(samplers, "WAYS", (Sampling(2, "dpm"),))
    words = ["--motion", str(teacher_run), "--data", str(motion_folder), "--split", "validation"]
    samplers.main([*words, "--out", str(tmp_path / "table.md")])
    rows = (tmp_path / "table.md").read_text().splitlines()
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| true motion", "| dpm, 2 steps"]
    cells = dict(zip(samplers.COLUMNS, map(float, rows[3].strip("| ").split(" | ")[1:]), strict=True))
    unknown = {name for name, value in cells.items() if np.isnan(value)}
    assert unknown <= {"blinks", "lids"}, "of which the set is silent"
    with pytest.raises(SystemExit) as stop:
        samplers.main([*words, "--student", str(tmp_path)])
    assert stop.value.code == 2 and capsys.readouterr().err.startswith("samplers: no trained weights in")


def test_a_missing_or_foreign_teacher_is_told(config, motion_folder, teacher_params, tmp_path):
    config.teacher = ""
    with pytest.raises(UserError, match=r"config\.teacher is empty: name a motion training"):
        motion_stage.student_stage(config)
    statistics = motion_set.read_statistics(motion_folder)
    about = {"room": "motion", "model": SIZES, "statistics": {**statistics, "mean": [0.5] * 9}}
    save_room(tmp_path / "export", about, teacher_params)
    config.teacher = str(tmp_path)
    with pytest.raises(UserError, match="has other statistics than the teacher"):
        motion_stage.student_stage(config)
