import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict
from motion_windows import draw, record

from vasa_jax.errors import UserError
from vasa_jax.motion import build_motion
from vasa_jax.motion.conditions import NAMES
from vasa_jax.training import motion, motion_stage
from vasa_jax.training.motion_report import MotionReport

KEY = jax.random.key(0)
SIZES = dict(motion_size=9, feature_size=3, width=16, layers=1, heads=2, feedforward=16, window=12, history=3)
MODEL = build_motion(SIZES)


@pytest.fixture(scope="module")
def params():
    batch = draw(0.0)
    conditions = motion.conditions_of(batch)
    params = jax.jit(MODEL.init)(KEY, batch["motion"], jnp.zeros(4, jnp.int32), conditions)["params"]
    return jax.tree.map(lambda x: x + 0.05 * jax.random.normal(KEY, x.shape), params)


@pytest.mark.slow
def test_the_loss_teaches_every_part(params):
    loss = motion.MotionLoss(MODEL, drop=0.5)
    (value, parts), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params, draw(0.0, count=32), KEY)
    assert value == pytest.approx(parts["motion"] + parts["velocity"])
    assert all(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


def test_windows_at_the_beginning_have_no_previous():
    assert motion.conditions_of(draw(0.0)).has_previous.all()
    conditions = motion.conditions_of(draw(1.0))
    assert not conditions.has_previous.any()
    assert conditions.has_audio.all() and conditions.has_gaze.all() and conditions.has_emotion.all()


@pytest.mark.slow
def test_frames_after_the_end_of_a_clip_do_not_count(params):
    loss = motion.MotionLoss(MODEL, drop=0.0, drop_previous=0.0, cut=0.0)
    batch = draw(0.0, frames=6)
    assert (batch["length"] == 6).all()
    other = {**batch, "audio": batch["audio"].at[:, 6:].set(9.0)}
    lost = [jax.jit(loss)(params, given, KEY)[0] for given in (batch, other)]
    assert lost[0] == lost[1]


def reading(weights, source, **losses):
    config = ConfigDict({"losses": losses, "data": {"motion": "data/some"}})
    return motion_stage.lid_reading(config, {"lids": {"weights": weights}} if weights else {}, source)


def test_lids_are_read_in_deviations_of_the_training_clips():
    source = [record(i, 40) for i in range(8)]
    found = reading([1.0, 2.0, *[0.0] * 7], source, lids=0.1)
    motions = np.concatenate([clip["motion"] for clip in source])
    assert (motions @ np.array(found)).std() == pytest.approx(1.0, abs=1e-5)
    assert found[1] == pytest.approx(2 * found[0]) and found[2] == 0
    assert reading(None, source) == reading([1.0] * 9, source, lids=0.0) == ()
    said = "the motion set data/some tells nothing of lids: set config.losses.lids to 0"
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        reading(None, source, lids=0.1)


@pytest.mark.slow
def test_the_lids_weigh_in_the_loss(params):
    read = (1.0, *[0.0] * 8)
    plain, with_lids = (motion.MotionLoss(MODEL, lids=weight, lid_reading=read) for weight in (0.0, 2.0))
    (before, _), (after, parts) = (jax.jit(loss)(params, draw(0.0), KEY) for loss in (plain, with_lids))
    assert after == pytest.approx(float(before + 2 * parts["lids"]), rel=1e-5) and parts["lids"] > 0


ABOUT = {"mean": [0.0] * 9, "std": [1.0] * 9, "lips": {"weights": [1.0] * 9, "bias": 0.1}}


@pytest.fixture(scope="module")
def report():
    """Of a model whose windows are long enough to be cut in pieces."""
    model = build_motion({**SIZES, "window": 16})
    splits = {"train": [record(i, 40) for i in range(8)], "validation": [record(i, 40) for i in range(20, 23)]}
    return model, MotionReport(model, splits, ABOUT)


@pytest.mark.slow
def test_the_report_tells_the_loss_without_each_condition_and_what_samples_are_like(report):
    model, look = report
    batch = {name: jnp.asarray(value) for name, value in look._held_out.later.items()}
    params = jax.jit(model.init)(KEY, batch["motion"], jnp.zeros(24, jnp.int32), motion.conditions_of(batch))["params"]
    params = jax.tree.map(lambda x: x + 0.1 * jax.random.normal(KEY, x.shape), params)
    scalars = look(params).scalars
    absent = {f"absent_{name}" for name in ("none", *NAMES)}
    samples = {"lip_correlation", "lip_correlation_swapped", "lip_spread", "pose_change", "dynamics_spread"}
    assert scalars.keys() == {"loss", "frechet", "frechet_data"} | absent | samples
    assert np.isfinite(list(scalars.values())).all()
    assert len({scalars[name] for name in absent}) == len(absent), "each condition counts"
    assert batch["has_previous"].all() and not look._held_out.first["has_previous"].any()
