"""Distillation: the teacher's features at the student's times, the loss, and a stage that has a teacher."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import FRAMES, SPEECH

from vasa_jax import room_weights
from vasa_jax.data import clips, windows
from vasa_jax.errors import UserError
from vasa_jax.speech import build_speech
from vasa_jax.training import lesson, speech, speech_stage

KEY = jax.random.key(0)
TEACHER = {
    "kind": "whisper", "feature_size": 8, "layers": 1, "heads": 2, "feedforward": 8, "positions": 100, "bands": 10,
    "margin_frames": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """Folder of a frozen encoder with random weights."""
    folder = tmp_path_factory.mktemp("teacher")
    shapes = jax.eval_shape(build_speech(TEACHER).init, KEY, jnp.zeros((1, 1280)))["params"]
    generator = np.random.default_rng(0)
    params = jax.tree.map(lambda x: generator.normal(size=x.shape).astype(np.float32) / 4, shapes)
    room_weights.save_room(folder / "export", {"room": "speech", "model": TEACHER}, params)
    return folder


def ramp_of(frames):
    """A clip whose audio and taught features both tell the time in frames."""
    times = np.arange(frames * 640) / 640
    taught = (np.arange(frames) + 0.5)[:, None].astype(np.float16)
    return {"audio": times.astype(np.float32), "phones": [], "start": np.zeros(0), "end": np.zeros(0), "taught": taught}


@pytest.mark.parametrize("frames", [10, 60])
def test_what_is_taught_belongs_to_what_is_heard_at_any_speed_and_place(frames):
    for seed in range(6):
        got = windows.SpeechWindows(20, speed=0.2)(ramp_of(frames), np.random.default_rng(seed))
        heard, inside = got["audio"].reshape(20, 640)[:, 300:340].mean(1), got["within"].copy()
        assert inside.sum() >= min(frames, 20) * 0.8
        edges = np.flatnonzero(np.diff(inside.astype(int)))
        inside[np.concatenate([edges, edges + 1, [0, 19]]).astype(int)] = False  # the resampler rings at edges
        assert np.abs(got["taught"][inside, 0] - heard[inside]).max() < 0.06
        assert (np.abs(heard[~got["within"]]) < 0.5).all()


def test_nothing_is_missed_by_a_head_that_knows_and_all_by_one_that_tells_the_mean():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(2, 50, 4))
    matrix = generator.normal(size=(4, 3)) * [1, 100, 0.1]
    taught = features @ matrix + [5, 0, -1]
    given = lesson.Lesson.of([{"taught": clip} for clip in taught], 1.0)
    weights = jnp.ones((2, 50))
    knows = {"kernel": matrix / given.std, "bias": ([5, 0, -1] - given.mean) / given.std}
    arrays = [jnp.asarray(x, jnp.float32) for x in (features, taught)]
    missed = [given.missed(jax.tree.map(jnp.float32, head), *arrays, weights) for head in (
        knows, {"kernel": np.zeros((4, 3)), "bias": np.zeros(3)})]  # fmt: skip
    assert missed[0] < 1e-4 and missed[1] == pytest.approx(1, abs=1e-3)
    nothing = given.missed(given.init_head(KEY, 4), *arrays, jnp.zeros((2, 50)))
    assert nothing == 0


def config_of(clip_set, teacher):
    import importlib

    config = importlib.import_module("configs.speech_tiny").get_config()
    config.steps, config.minutes, config.batch_size = 2, 0.0, 2
    config.data.clips, config.data.frames = str(clip_set), 12
    config.model = {"kind": "streaming", **SPEECH}
    config.teacher, config.noise.strength = str(teacher), 0.0
    return config


@pytest.fixture(scope="module")
def stage(clip_set, teacher):
    return speech_stage.speech_stage(config_of(clip_set, teacher))


@pytest.mark.slow
def test_the_lesson_teaches_the_encoder_and_its_head(stage):
    params = jax.jit(stage.init)(KEY)
    batch = dict(next(iter(stage.phases[0].batches)))
    batch.pop("clip")
    assert batch["taught"].shape == (2, 12, 8) and batch["within"].any()
    loss = stage.phases[0].loss
    (_, metrics), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params, batch, KEY)
    assert all(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
    plain = jax.jit(partial(speech.SpeechLoss(loss.model, loss.noise, loss.silence)))(params, batch, KEY)[0]
    assert metrics["loss"] == pytest.approx(float(plain + loss.lesson.weight * metrics["missed"]), rel=1e-5)


@pytest.mark.slow
def test_the_report_tells_what_is_missed(stage):
    scalars = stage.report(jax.jit(stage.init)(KEY)).scalars
    assert scalars.keys() >= {"clean_missed", "noisy_missed", "clean_accuracy"}
    assert scalars["clean_missed"] != scalars["noisy_missed"]


def test_the_teacher_hears_the_clip_as_it_is(stage, clip_set, teacher):
    record = clips.open_clips(clip_set, "validation")[0]
    taught = lesson.listening(str(teacher), windows.speech_of)(record)["taught"]
    config, params = room_weights.load_room(teacher, "speech")
    wanted = jax.jit(build_speech(config["model"]).apply)({"params": params}, record["audio"][None])[0]
    assert taught.shape == (FRAMES, 8)
    np.testing.assert_allclose(taught, wanted, atol=5e-3)


def test_without_a_teacher_there_is_no_head_and_one_that_was_is_left(stage, clip_set):
    plain = speech_stage.speech_stage(config_of(clip_set, ""))
    weights = jax.eval_shape(stage.init, KEY)
    assert lesson.HEAD in weights and lesson.HEAD not in jax.eval_shape(plain.init, KEY)
    assert speech_stage.begun(lambda: weights, None)().keys() == jax.eval_shape(plain.init, KEY).keys()
    assert speech_stage.begun(lambda: weights, stage.phases[0].loss.lesson)() == weights
    assert "taught" not in next(iter(plain.phases[0].batches))


def test_a_teacher_that_is_not_there_is_one_line(clip_set, tmp_path):
    with pytest.raises(UserError, match="no trained weights in"):
        speech_stage.speech_stage(config_of(clip_set, tmp_path))
