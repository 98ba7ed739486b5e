"""Stage 2 of our own learns LivePortrait's motion: encoded, and released with its face."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from published_files import SMALL_NETWORKS
from toys import FRAMES, SPEECH

from vasa_jax import checkpoint, room_weights
from vasa_jax.data import clips, encode_motion
from vasa_jax.models import Models, init_motion
from vasa_jax.motion import build_motion
from vasa_jax.speech import build_speech
from vasa_jax.training.release import release
from vasa_jax.types import Framing

TRANSFORMER = {"feature_size": 6, "width": 16, "layers": 1, "heads": 2, "feedforward": 16, "window": 10, "history": 2}


@pytest.fixture(scope="module")
def speech_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speech")
    params = build_speech(SPEECH).init(jax.random.key(0), jnp.zeros((1, 640)))["params"]
    room_weights.save_room(folder / "export", {"room": "speech", "model": SPEECH}, params)
    return folder


@pytest.mark.slow
def test_clips_are_encoded_and_what_is_learned_of_them_is_released(weights, speech_run, clip_set, tmp_path):
    out = tmp_path / "motion"
    encode_motion.encode_set(weights, speech_run, clip_set, out)
    record = clips.open_clips(out, "train")[0]
    assert record["motion"].shape == (FRAMES, 76)
    about = json.loads((out / "statistics.json").read_text())
    config = TRANSFORMER | {"motion_size": len(about["mean"])}
    params = init_motion(build_motion(config), jax.random.key(1))
    room_weights.save_room(tmp_path / "run/export", {"room": "motion", "model": config, "statistics": about}, params)
    release({"face": weights, "speech": speech_run, "motion": tmp_path / "run"}, tmp_path / "mine", "mine")
    models = checkpoint.load(tmp_path / "mine").models
    assert models.face == Models.build(SMALL_NETWORKS).face and models.motion.motion_size == 76


def test_reframed_images_show_what_the_framing_says():
    """A wider and higher square of a ramp: the same ramp, its edges continued."""
    rows, columns = np.meshgrid(*(np.linspace(-31 / 32, 31 / 32, 32),) * 2, indexing="ij")
    ramp = jnp.asarray(np.stack([columns, rows, 0 * rows], -1)[None], jnp.float32)
    seen = np.asarray(encode_motion.reframed(ramp, Framing(1.6, (0.0, -0.2)), 64))[0]
    place = (np.arange(64) + 0.5) / 32 - 1
    np.testing.assert_allclose(seen[30, :, 0], np.clip(1.6 * place, -31 / 32, 31 / 32), atol=1e-5)
    np.testing.assert_allclose(seen[:, 30, 1], np.clip(1.6 * place - 0.4, -31 / 32, 31 / 32), atol=1e-5)


def test_what_fits_stays_as_it_is():
    images = jnp.ones((1, 8, 8, 3))
    assert encode_motion.reframed(images, Framing(), 8) is images
