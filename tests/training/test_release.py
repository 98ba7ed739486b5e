import json

import jax
import jax.numpy as jnp
import pytest
from toys import FACE, SPEECH

from vasa_jax import checkpoint, room_weights
from vasa_jax.errors import UserError
from vasa_jax.models import init_motion
from vasa_jax.motion import build_motion
from vasa_jax.training import release
from vasa_jax.training.stage import Stage

MOTION = {
    "motion_size": 12,
    "feature_size": 6,
    "width": 8,
    "layers": 1,
    "heads": 1,
    "feedforward": 8,
    "window": 6,
    "history": 2,
}
STATISTICS = {"mean": [0.5] * 12, "std": [2.0] * 12, "distance": {"mean": 1.1, "std": 0.2}, "lips": {"bias": 0}}


@pytest.fixture
def runs(tmp_path):
    """Folders of three runs whose every weight is a half."""
    models = checkpoint.Models.build({"face": FACE, "motion": MOTION, "speech": SPEECH})
    shapes = jax.eval_shape(models.init, jax.random.key(0))
    params = jax.tree.map(lambda x: jnp.full(x.shape, 0.5), shapes)
    params["speech"]["phone_head"] = {"kernel": jnp.zeros((6, 80))}  # of training alone
    for room, config in (("face", FACE), ("motion", MOTION), ("speech", SPEECH)):
        extras = {"statistics": STATISTICS} if room == "motion" else {}
        stage = Stage(room, config, init=lambda key: None, phases=(), extras=extras)
        room_weights.save_room(tmp_path / room / "export", stage.about, params[room])
    return {room: tmp_path / room for room in release.ROOMS}


def test_a_release_loads_as_a_checkpoint(runs, tmp_path):
    release.main([f"--{room}={folder}" for room, folder in runs.items()] + [f"--out={tmp_path}/out", "--name=toy"])
    loaded = checkpoint.load(tmp_path / "out")
    assert loaded.config["name"] == "toy" and loaded.mean_distance == 1.1
    assert loaded.statistics.std[0] == 2
    assert all((leaf == 0.5).all() for leaf in jax.tree.leaves(loaded.params))
    assert json.loads((tmp_path / "out" / "config.json").read_text())["statistics"] == STATISTICS
    assert "phone_head" not in loaded.params["speech"]


def test_a_student_is_an_extra_of_the_same_motion(runs, tmp_path):
    config = {**MOTION, "told": ["audio", "gaze"]}
    shapes = jax.eval_shape(lambda: init_motion(build_motion(config), jax.random.key(0)))
    about = {"room": "student", "model": config, "steps": 4, "guidance": {"audio": 2.0, "gaze": 2.0}}
    params = jax.tree.map(lambda x: jnp.full(x.shape, 0.25), shapes)
    room_weights.save_room(tmp_path / "student" / "export", {**about, "statistics": STATISTICS}, params)
    words = [f"--{room}={folder}" for room, folder in runs.items()]
    release.main([*words, f"--student={tmp_path}/student", f"--out={tmp_path}/out", "--name=toy"])
    loaded = checkpoint.load(tmp_path / "out")
    assert loaded.config["student"] == {name: about[name] for name in ("model", "steps", "guidance")}
    assert all((leaf == 0.25).all() for leaf in jax.tree.leaves(loaded.params["student"]))
    again, params = room_weights.load_room(tmp_path / "out", "student")
    assert again["model"] == config and again["steps"] == 4 and "told_last" in params
    assert room_weights.load_room(tmp_path / "out", "motion")[0]["statistics"]["mean"] == STATISTICS["mean"]

    other = {**about, "statistics": {**STATISTICS, "mean": [0.0] * 12}}
    room_weights.save_room(tmp_path / "student" / "export", other, params)
    with pytest.raises(UserError, match="the student learned from another motion training than --motion"):
        release.release({**runs, "student": tmp_path / "student"}, tmp_path / "out", "toy")


def test_rooms_in_each_others_place_are_refused(runs, tmp_path):
    with pytest.raises(UserError, match="holds weights of stage 'motion'"):
        release.release({**runs, "face": runs["motion"]}, tmp_path / "out", "toy")
    assert not (tmp_path / "out").exists()
