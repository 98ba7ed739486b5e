"""A frozen encoder made into an ear: the command, and what takes it."""

import jax
import numpy as np
import pytest
from toys import FACE

from vasa_jax import checkpoint, room_weights
from vasa_jax.data import encode_motion
from vasa_jax.errors import UserError
from vasa_jax.models import Models, speech_of
from vasa_jax.speech import build_speech, convert

MOTION = {
    "motion_size": 12,
    "feature_size": 8,
    "width": 8,
    "layers": 1,
    "heads": 1,
    "feedforward": 8,
    "window": 6,
    "history": 2,
}


def write(path, width=8, bands=10, positions=300, hidden=12):
    """A Whisper encoder of one layer by CTranslate2's names, random."""
    generator = np.random.default_rng(0)
    layer = "encoder/layer_0"
    shapes = {
        "encoder/position_encodings/encodings": (positions, width),
        "encoder/conv1/weight": (width, bands, 3),
        "encoder/conv2/weight": (width, width, 3),
        f"{layer}/self_attention/linear_0/weight": (3 * width, width),
        f"{layer}/self_attention/linear_1/weight": (width, width),
        f"{layer}/ffn/linear_0/weight": (hidden, width),
        f"{layer}/ffn/linear_1/weight": (width, hidden),
    }
    shapes |= {name.replace("weight", "bias"): shape[:1] for name, shape in shapes.items() if name.endswith("weight")}
    for norm in ("encoder", f"{layer}/self_attention", f"{layer}/ffn"):
        shapes |= {f"{norm}/layer_norm/gamma": (width,), f"{norm}/layer_norm/beta": (width,)}
    arrays = {name: generator.normal(size=shape).astype(np.float16) / 2 for name, shape in shapes.items()}
    np.savez(path, **arrays, **{"encoder/num_heads": np.float16(2)})


@pytest.fixture(scope="module")
def ear(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ear")
    write(folder / "whisper.npz")
    convert.main([f"--weights={folder}/whisper.npz", f"--out={folder}/run", "--layer=1"])
    return folder / "run"


def test_it_is_read_as_a_training_is_and_has_the_right_names(ear):
    config, params = room_weights.load_room(ear, "speech")
    assert config["model"]["kind"] == "whisper" and config["model"]["layer"] == 1
    model = speech_of(config["model"])
    wanted = jax.eval_shape(model.init, jax.random.key(0), np.zeros((1, 1280), np.float32))["params"]
    assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, wanted)


def test_encode_motion_hears_with_it(ear):
    config, params = room_weights.load_room(ear, "speech")
    model = build_speech({**config["model"], "margin_frames": 5})
    audio = np.random.default_rng(1).normal(size=640 * 7).astype(np.float32)
    found = encode_motion.speech_encoder(model, params)(audio)
    assert found.shape == (7, 8)
    wanted = jax.jit(model.apply)({"params": params}, audio[None])[0]
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_release_may_have_it(ear, tmp_path):
    config, params = room_weights.load_room(ear, "speech")
    statistics = {"mean": [0.0] * 12, "std": [1.0] * 12, "distance": {"mean": 1.0, "std": 0.1}}
    rooms = {"face": FACE, "motion": MOTION, "speech": config["model"]}
    shapes = jax.eval_shape(Models.build(rooms).init, jax.random.key(0))
    weights = {**jax.tree.map(lambda x: np.full(x.shape, 0.5, np.float32), shapes), "speech": params}
    about = {"format": checkpoint.FORMAT, "name": "toy", **rooms, "statistics": statistics}
    checkpoint.save(tmp_path, checkpoint.Checkpoint(about, weights))
    loaded = checkpoint.load(tmp_path)
    jax.tree.map(np.testing.assert_array_equal, loaded.params["speech"], params)
    assert loaded.models.speech == build_speech(config["model"])


def test_mistakes_are_one_line_and_leave_nothing(ear, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        convert.main([f"--weights={tmp_path}/absent", f"--out={tmp_path}/out"])
    error = capsys.readouterr().err
    assert caught.value.code == 2 and error.startswith("convert: no config.json in") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
    write(tmp_path / "whisper.npz")
    with pytest.raises(UserError, match="holds trained weights already: remove it or name another folder"):
        convert.convert(tmp_path / "whisper.npz", ear)
    with pytest.raises(UserError, match="--layer must be between -1 and 1, not 2"):
        convert.convert(tmp_path / "whisper.npz", tmp_path / "out", layer=2)
