import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import make_record

from configs.gaze_tiny import get_config
from vasa_jax.data import pipeline
from vasa_jax.errors import UserError
from vasa_jax.judges import gaze as judge
from vasa_jax.training import from_config, gaze, stages
from vasa_jax.training.optimiser import Optimiser

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def batch():
    """Two clips of three frames; the eyes of the last frame of each are shut."""
    sample, generator = gaze.GazeFrames(3), np.random.default_rng(0)
    drawn = [sample(make_record(number), generator) for number in range(2)]
    batch = {name: np.stack([one[name] for one in drawn]) for name in drawn[0]}
    batch["landmarks"] = np.tile(eyes(0.3), (2, 3, 1, 1))
    batch["landmarks"][:, 2] = eyes(0.05)
    batch["image"] = generator.integers(0, 255, batch["image"].shape, np.uint8)
    return batch


def eyes(gap: float) -> np.ndarray:
    """(68, 2) landmarks with lids `gap` apart, over the width of an eye."""
    landmarks = np.random.default_rng(1).uniform(-0.3, 0.3, (68, 2)).astype(np.float32)
    eye = np.array([[-1, 0], [-0.5, gap], [0.5, gap], [1, 0], [0.5, -gap], [-0.5, -gap]])
    landmarks[36:42], landmarks[42:48] = 0.2 * eye + (-0.4, 0.1), 0.2 * eye + (0.4, 0.1)
    return landmarks


@pytest.fixture(scope="module")
def loss_of():
    return jax.jit(lambda params, batch: gaze.GazeLoss()(params, batch, KEY))


@pytest.mark.slow
def test_the_loss_teaches_the_whole_network(batch, loss_of):
    params = judge.init_gaze(KEY)
    gradient, metrics = jax.jit(jax.grad(gaze.GazeLoss(), has_aux=True))(params, batch, KEY)
    assert all(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
    assert metrics["loss"] == pytest.approx(float(np.radians(metrics["degrees"])), rel=0.1)
    assert loss_of(params, batch)[0] == pytest.approx(float(metrics["loss"]), rel=1e-5)


def test_shut_eyes_have_no_weight(batch, loss_of):
    params, other = judge.init_gaze(KEY), dict(batch)
    for frame, counts in ((2, False), (1, True)):
        other["gaze"] = batch["gaze"].copy()
        other["gaze"][:, frame] += 0.5
        assert (loss_of(params, other)[0] != loss_of(params, batch)[0]) == counts


def test_degrees_between_known_directions():
    first = jnp.radians(jnp.array([[0.0, 0.0], [30.0, 0.0], [0.0, 80.0], [10.0, 20.0]]))
    second = jnp.radians(jnp.array([[0.0, 10.0], [-15.0, 0.0], [180.0, 80.0], [10.0, 20.0]]))
    np.testing.assert_allclose(judge.degrees_between(first, second), [10, 45, 20, 0], atol=1e-4)


@pytest.mark.slow
def test_report_counts_kinds_and_shut_eyes_apart():
    records = [make_record(number, kind) for number, kind in enumerate(("range", "talk"))]
    for record in records:
        record["landmarks"][:] = eyes(0.3)
        record["landmarks"][5:] = eyes(0.05)
        record["gaze"] = np.tile(np.float32([0.2 if record["kind"] == "range" else 0.1, 0.0]), (24, 1))
        record["gaze"][5:] = 0.4, 0.0
    blind = jax.tree.map(jnp.zeros_like, judge.init_gaze(KEY))  # says 0, 0 to everything
    shown = gaze.GazeReport(records)(blind).scalars
    wanted = {"range_degrees": 0.2, "talk_degrees": 0.1, "shut_degrees": 0.4, "range_constant": 0, "talk_constant": 0}
    assert shown == pytest.approx({name: np.degrees(angle) for name, angle in wanted.items()}, abs=0.01)


def test_the_stage_follows_its_config(clip_set):
    config = get_config()
    config.data.clips, config.batch_size, config.data.frames = str(clip_set), 4, 2
    stage = gaze.gaze_stage(config)
    batch = next(iter(stage.phases[0].batches))
    assert batch["image"].shape[:2] == (2, 2) and batch["gaze"].shape == (2, 2, 2)
    assert stage.phases[0].loss == gaze.GazeLoss(colour=1.0, landmarks=0.006)
    stages.settings(config)
    from_config.fill(Optimiser, config.optimiser, "optimiser")
    config.noise = {"magic": 1.0}
    with pytest.raises(UserError, match=r"config\.noise has no magic"):
        gaze.gaze_stage(config)


def test_frames_and_labels_belong_together():
    """Frame t of the toy clips has the shade of t."""
    record = make_record(0)
    record["gaze"] = np.tile(np.arange(24, dtype=np.float32)[:, None], (1, 2))
    drawn = gaze.GazeFrames(6)(record, np.random.default_rng(0))
    np.testing.assert_allclose(drawn["image"].mean((1, 2, 3)), 8 * drawn["gaze"][:, 0], atol=2)
    assert pipeline.pick(24, 6, np.random.default_rng(0)).shape == (6,)
