import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.data.windows import MotionWindows
from vasa_jax.motion import build_motion
from vasa_jax.training import motion

KEY = jax.random.key(0)
SIZES = dict(motion_size=5, feature_size=3, width=16, layers=1, heads=2, feedforward=16, window=8, history=3)
MODEL = build_motion(SIZES)


def record(seed, frames=20):
    generator = np.random.default_rng(seed)

    def some(*shape):
        return generator.normal(size=shape).astype(np.float32)

    return {
        "motion": some(frames, 5),
        "audio": some(frames, 3),
        "lip_opening": some(frames),
        "gaze": some(2),
        "distance": some(1),
        "emotion": some(6),
    }


def draw(first, frames=20, count=4):
    sample = MotionWindows(8, 3, first=first)
    drawn = [sample(record(i, frames), np.random.default_rng(i)) for i in range(count)]
    return {name: jnp.asarray(np.stack([d[name] for d in drawn])) for name in drawn[0]}


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


def test_report_measures_lips_against_swapped_audio(params):
    lips = motion.LipReading(np.ones(5, np.float32), 0.1)
    source = [motion_record for motion_record in map(record, range(3))]
    report = motion.MotionReport(MODEL, source, lips)(params)
    assert report.scalars.keys() == {"loss", "lip_correlation", "lip_correlation_swapped", "lip_spread"}
    assert np.isfinite(list(report.scalars.values())).all()


def test_correlation_looks_at_the_clip_and_not_beyond():
    truth = np.array([[0.0, 1, 2, 3, 9, 9]])
    made = np.array([[0.0, 2, 4, 6, -50, 3]])
    assert motion.correlation(made, truth, np.array([4])) == pytest.approx(1)
    assert motion.correlation(-made, truth, np.array([4])) == pytest.approx(-1)
    assert motion.correlation(0 * made, truth, np.array([4])) == 0
