import jax
import jax.numpy as jnp
import numpy as np
import pytest
from motion_windows import draw, record

from vasa_jax.motion import build_motion
from vasa_jax.motion.conditions import NAMES
from vasa_jax.training import motion
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


def test_frames_after_the_end_of_a_clip_do_not_count(params):
    loss = motion.MotionLoss(MODEL, drop=0.0, drop_previous=0.0, cut=0.0)
    batch = draw(0.0, frames=6)
    assert (batch["length"] == 6).all()
    other = {**batch, "audio": batch["audio"].at[:, 6:].set(9.0)}
    lost = [jax.jit(loss)(params, given, KEY)[0] for given in (batch, other)]
    assert lost[0] == lost[1]


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
