import json

import jax
import jax.numpy as jnp
import pytest
from toys import FACE, SPEECH

from vasa_jax import checkpoint, room_weights
from vasa_jax.errors import UserError
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
    assert "lips" not in json.loads((tmp_path / "out" / "config.json").read_text())["statistics"]
    assert "phone_head" not in loaded.params["speech"]


def test_rooms_in_each_others_place_are_refused(runs, tmp_path):
    with pytest.raises(UserError, match="holds weights of stage 'motion'"):
        release.release({**runs, "face": runs["motion"]}, tmp_path / "out", "toy")
    assert not (tmp_path / "out").exists()
