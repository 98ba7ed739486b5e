"""A label that is not known (NaN) counts nowhere: not as zero, and not in any gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import FRAMES, make_record

from vasa_jax.data import clips, motion_set, pipeline, windows
from vasa_jax.errors import UserError
from vasa_jax.evaluation import probes
from vasa_jax.evaluation.samples import portrait_index
from vasa_jax.face import losses
from vasa_jax.training import motion, speech_stage


def real(index: int) -> dict:
    """A record as videos give them, with motion and features."""
    generator = np.random.default_rng(index)
    record = make_record(index)
    record["expression"] = np.full_like(record["expression"], np.nan)
    record["emotion"] = np.full_like(record["emotion"], np.nan)
    record["phones"] = {"label": [], "start": [], "end": []}
    closed = (generator.uniform(size=FRAMES) < 0.3).astype(np.float32)
    motion = generator.normal(size=(FRAMES, 9)).astype(np.float32)
    motion[:, 8] = closed
    return {
        **record,
        "eye_openness": 0.35 - 0.15 * closed,
        "motion": motion,
        "audio_features": generator.normal(size=(FRAMES, 3)).astype(np.float32),
    }


def test_an_unknown_label_has_weight_0_in_loss_and_gradient():
    read = jax.random.normal(jax.random.key(0), (6, 4))
    label, scale = jnp.zeros((6, 4)).at[:3].set(jnp.nan), jnp.ones(4)
    value, gradient = jax.value_and_grad(losses.label_mse)(read, label, scale)
    assert value == pytest.approx(float(losses.label_mse(read[3:], label[3:], scale)))
    assert not gradient[:3].any() and jnp.isfinite(gradient).all() and gradient[3:].all()
    value, gradient = jax.value_and_grad(losses.label_mse)(read, jnp.full((6, 4), jnp.nan), scale)
    assert value == 0 and not gradient.any()


def test_the_scale_of_expressions_is_that_of_those_that_are_known():
    known, unknown = make_record(0), real(1)
    np.testing.assert_array_equal(pipeline.expression_scale([known, unknown]), pipeline.expression_scale([known]))
    np.testing.assert_array_equal(pipeline.expression_scale([unknown]), np.full(57, 0.1, np.float32))


def test_conditions_of_a_clip_that_lacks_them_are_absent():
    records = [windows.motion_of(real(0) | changed, np.zeros(9), np.ones(9)) for changed in cases()]
    drawn = [windows.MotionWindows(10, 2)(record, np.random.default_rng(0)) for record in records]
    conditions = motion.conditions_of({name: np.stack([each[name] for each in drawn]) for name in drawn[0]})
    assert conditions.has_emotion.tolist() == [False, True, False, True]
    assert conditions.has_gaze.tolist() == [True, True, False, True]
    assert conditions.emotion[3].tolist() == [0.5, 0, 0, 0, 0, 0]
    assert conditions.has_distance.all() and conditions.has_audio.all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(conditions))


def cases() -> list[dict]:
    nowhere = np.full((FRAMES, 2), np.nan, np.float32)
    happy = np.array([0.5, *[np.nan] * 5], np.float32)
    return [{}, {"emotion": np.full(6, 0.5, np.float32)}, {"gaze": nowhere}, {"emotion": happy}]


def test_main_gaze_leaves_out_frames_without_it():
    gaze = np.array([[np.nan, np.nan]] * 5 + [[0.5, 0.3]] * 4 + [[0.0, 0.0]] * 3, np.float32)
    np.testing.assert_allclose(windows.main_gaze(gaze), [0.5, 0.3])
    assert np.isnan(windows.main_gaze(gaze[:5])).all()


def test_lids_are_read_from_their_openness_where_coefficients_are_unknown():
    records = [real(index) for index in range(8)]
    about = motion_set.statistics(records)
    assert about["lids"]["r2"] > 0.95 and np.argmax(np.abs(about["lids"]["weights"])) == 8
    without = [{name: value for name, value in record.items() if name != "eye_openness"} for record in records]
    assert "lids" not in motion_set.statistics(without)
    assert "lids" in motion_set.statistics([record | make_record(0) for record in without])


def test_probes_leave_out_what_cannot_be_asked():
    generator = np.random.default_rng(0)
    codes, rotation = generator.normal(size=(40, 5)), generator.normal(size=(40, 3))
    people, unknown = np.repeat(np.arange(4), 10), np.full((40, 6), np.nan)
    found = probes.of_dynamics(codes, rotation, unknown, people)
    assert "expression_r2" not in found and np.isfinite(list(found.values())).all()
    assert np.isnan(probes.r2(unknown, unknown))
    assert portrait_index(np.array([[0.3, 0, 0], [0.1, 0, 0]]), np.full((2, 57), np.nan)) == 1


def test_speech_is_not_trained_on_clips_without_phones(monkeypatch):
    source = [real(0), make_record(1)]
    monkeypatch.setattr(clips, "open_clips", lambda folder, split: source)
    assert len(speech_stage.talks("set", "train", windows.speech_of)) == 1
    del source[1]
    with pytest.raises(UserError, match="the clips in set have no phones"):
        speech_stage.talks("set", "train", windows.speech_of)
