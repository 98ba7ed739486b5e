import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from safetensors.numpy import save_file
from toys import FACE, FRAMES, SIZE, SPEECH

from vasa_jax.data import clips, encode_motion, motion_set
from vasa_jax.errors import UserError
from vasa_jax.face import build_face
from vasa_jax.speech import build_speech

ROOMS = {
    "face": (FACE, build_face(FACE), jnp.zeros((1, SIZE, SIZE, 3)), "motion"),
    "speech": (SPEECH, build_speech(SPEECH), jnp.zeros((1, 640)), "__call__"),
}


def write_run(folder, room):
    """A training run of which only the export is there, with random weights of the encoders alone."""
    config, model, example, method = ROOMS[room]
    params = jax.jit(partial(model.init, method=method))(jax.random.key(0), example)["params"]
    (folder / "export").mkdir(parents=True)
    (folder / "export" / "config.json").write_text(json.dumps({"room": room, "model": config}))
    arrays = {name: np.ascontiguousarray(x) for name, x in flatten_dict(params, sep="/").items()}
    save_file(arrays, folder / "export" / "weights.safetensors")
    return model, params


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of a face and a speech run, and what is in them."""
    folder = tmp_path_factory.mktemp("runs")
    return {room: (folder / room, *write_run(folder / room, room)) for room in ROOMS}


@pytest.fixture(scope="module")
def encoded(runs, clip_set, tmp_path_factory):
    out = tmp_path_factory.mktemp("motion")
    encode_motion.encode_set(runs["face"][0], runs["speech"][0], clip_set, out)
    return out


def test_every_talk_clip_is_there_with_its_labels(encoded, clip_set):
    for split, count in (("train", 3), ("validation", 2)):
        given = {r["clip"]: r for r in clips.open_clips(clip_set, split)}
        found = list(clips.open_clips(encoded, split))
        assert len(found) == count
        for record in found:
            assert record["motion"].shape == (FRAMES, 7 + 5) and record["audio_features"].shape == (FRAMES, 6)
            for name in ("gaze", "expression", "lip_opening", "distance", "emotion"):
                np.testing.assert_array_equal(record[name], given[record["clip"]][name])


def test_motion_and_features_are_those_of_the_networks(encoded, clip_set, runs):
    record = clips.open_clips(encoded, "train")[0]
    clip = next(r for r in clips.open_clips(clip_set, "train") if r["clip"] == record["clip"])
    _, model, params = runs["face"]
    images = jnp.asarray(clips.decode_frames(clip, range(FRAMES))) / 127.5 - 1
    expected = jax.jit(partial(model.apply, method="motion"))({"params": params}, images).vector
    np.testing.assert_allclose(record["motion"], expected, atol=1e-4)
    _, model, params = runs["speech"]
    expected = model.apply({"params": params}, clip["audio"][None])[0]
    np.testing.assert_allclose(record["audio_features"], expected, atol=1e-4)


def test_statistics_standardise_the_training_split(encoded):
    about = json.loads((encoded / "statistics.json").read_text())
    motion = np.concatenate([r["motion"] for r in clips.open_clips(encoded, "train")])
    standard = (motion - about["mean"]) / about["std"]
    np.testing.assert_allclose(standard.mean(0), 0, atol=1e-3)
    assert (standard.std(0) < 1.01).all() and about["distance"]["mean"] == pytest.approx(1)


def test_lips_are_read_where_they_can_be():
    generator = np.random.default_rng(0)
    motion = generator.normal(size=(2000, 4)).astype(np.float32)
    opening = (0.1 * motion[:, 1] + 0.3).astype(np.float32)
    weights, bias, explained = motion_set.readout(motion, opening)
    np.testing.assert_allclose(weights, [0, 0.1, 0, 0], atol=1e-3)
    assert bias == pytest.approx(0.3, abs=0.01) and explained > 0.99


def test_lids_are_closed_by_what_closes_them_alone():
    """The lids fall when the eyes look down: what closes them must not turn the eyes, nor the head."""
    generator = np.random.default_rng(1)
    expression = np.zeros((3000, 57), np.float32)
    down = expression[:, 20] = generator.uniform(0, 1, 3000)
    expression[:, clips.EYE_BLINK] = ((generator.uniform(size=3000) < 0.3) * 0.8 + 0.2 * down)[:, None]
    effects = generator.normal(size=(57, 12)).astype(np.float32)
    motion = expression @ effects
    about = motion_set.lids(motion - motion.mean(0), motion_set.lids_closed({"expression": expression}))
    direction = effects[clips.EYE_BLINK].sum(0)
    np.testing.assert_allclose(about["direction"], np.where(np.arange(12) < 7, 0, direction), atol=0.02)
    assert about["r2"] > 0.99 and len(about["weights"]) == 12


def test_a_stopped_encoding_goes_on(clip_set, tmp_path):
    seen = []

    def motion(images):
        seen.append(len(images))
        return np.zeros((len(images), 12), np.float32)

    encode = encode_motion.Encoder(tmp_path, motion, lambda audio: np.zeros((1, 6), np.float32))
    record = clips.open_clips(clip_set, "train")[0]
    for _ in range(2):
        assert encode(record)["motion"].shape == (FRAMES, 12)
    assert seen == [FRAMES]


def test_a_finished_set_is_not_overwritten(encoded, runs, clip_set):
    with pytest.raises(UserError, match="holds a motion set already"):
        encode_motion.encode_set(runs["face"][0], runs["speech"][0], clip_set, encoded)


def test_missing_runs_are_one_line_and_status_2(tmp_path, capsys):
    folders = [f"--{name}={tmp_path / name}" for name in ("face", "speech", "clips", "out")]
    with pytest.raises(SystemExit) as stop:
        encode_motion.main(folders)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "no trained weights" in error
