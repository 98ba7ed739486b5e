"""The animator takes LivePortrait and JoyVASA as it takes our own networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.checkpoint import load
from vasa_jax.errors import UserError
from vasa_jax.face import Face, KeypointFace
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.face_programs import transfer
from vasa_jax.motion.sampler import MotionModel
from vasa_jax.open_weights.liveportrait.keypoints import place
from vasa_jax.speech import SpeechEncoder


@pytest.fixture(scope="module")
def animator(weights):
    return Animator(load(weights))


@pytest.fixture(scope="module")
def picture():
    rows, columns = np.mgrid[0:90, 0:120]
    return np.stack([2 * rows, 2 * columns, 255 - rows - columns], -1).astype(np.uint8)


@pytest.fixture(scope="module")
def tone():
    return 0.3 * np.sin(np.arange(8000) * 0.05).astype(np.float32)


@pytest.mark.slow
def test_speech_moves_the_portrait(animator, picture, tone):
    video = animator.animate(picture, tone, 16_000, steps=2, audio_cfg=1.8, gaze_cfg=0.0, crop=False)
    assert video.frames.shape == (13, 64, 64, 3)
    assert np.abs(np.diff(video.frames.astype(int), axis=0)).mean() > 0
    again = animator.animate(picture, tone, 16_000, steps=2, audio_cfg=1.8, gaze_cfg=0.0, crop=False)
    np.testing.assert_array_equal(again.frames, video.frames)
    other = animator.animate(picture, tone**2, 16_000, steps=2, audio_cfg=1.8, gaze_cfg=0.0, crop=False)
    assert (other.frames != video.frames).any()


def test_a_stream_is_refused_in_one_line(animator, picture):
    with pytest.raises(UserError, match=r"^these weights cannot stream: their ear has to hear a clip to its end$"):
        animator.stream(picture, crop=False)


def test_bfloat16_frames_are_within_40_db(animator, weights, picture):
    motion = np.random.default_rng(0).normal(size=(3, 76)).astype(np.float32)
    exact = animator.draw(picture, motion, crop=False).astype(float)
    rounded = Animator(load(weights), dtype="bfloat16").draw(picture, motion, crop=False)
    error = np.square(exact - rounded).mean()
    assert 0 < error < 255**2 / 10**4
    assert exact.std() > 10, "frames of something"


def test_a_video_moves_the_portrait(animator, picture):
    driving = [np.roll(picture[:64, :64], shift, 1) for shift in range(5)]
    for relative in (False, True):
        frames = list(animator.reenact(picture, driving, relative=relative, crop=False))
        assert len(frames) == 5 and frames[0].shape == (64, 64, 3)


def test_at_the_drivers_first_frame_a_portrait_is_as_it_was(animator, encoded):
    """Relative driving moves nothing then, expression included: another person's face at rest does not matter."""
    (_, own), square = encoded
    driver = np.ascontiguousarray(square[:, ::-1])
    read, _ = next(animator._face.read_motion([driver]))
    first = jax.tree.map(lambda leaf: jnp.asarray(leaf[:1]), read)
    statistics = animator.checkpoint.statistics
    still, moved = (
        np.asarray(transfer(statistics, first, first, own, first, relative, additive=True))
        for relative in (True, False)
    )
    expected = np.asarray(statistics.standardise(own.vector))
    np.testing.assert_allclose(still, expected, rtol=1e-4, atol=1e-3)
    assert np.abs(moved - expected)[:, 7:70].max() > 0.1


@pytest.fixture(scope="module")
def encoded(animator, picture):
    square = picture[:64, :64]
    return animator._face.encode(square), square


def test_eyes_and_lips_move_keypoints_of_the_portrait(animator, encoded):
    (appearance, _), _ = encoded
    assert not np.any(appearance.opened)
    ratios = jnp.array([[0.3, 0.3, 0.6]])
    face, variables = animator.checkpoint.models.face, {"params": animator.params["face"]}
    both = face.apply(variables, appearance, ratios, ratios[:, :2], method="retarget").opened
    eyes, lips = (
        face.apply(variables, appearance, *given, method="retarget").opened
        for given in ((ratios, None), (None, ratios[:, :2]))
    )
    assert np.any(eyes) and np.any(lips)
    np.testing.assert_allclose(both, eyes + lips, atol=1e-6)


def test_looking_moves_the_eyes_keypoints_alone(animator):
    face = animator.checkpoint.models.face
    still = jnp.zeros((1, face.dynamics_size))

    def look(x, y):
        return np.asarray(face.apply({}, still, jnp.array([x, y]), method="look"))[0, :63].reshape(21, 3)

    right, up = look(1.0, 0.0), look(0.0, 1.0)
    assert set(np.flatnonzero(right.any(1))) == {11, 15} and (right[[11, 15], 0] > 0).all()
    assert set(np.flatnonzero(up.any(1))) == {11, 13, 15, 16} and (up[[11, 15], 1] < 0).all()
    np.testing.assert_allclose(look(-1.0, 0.0)[[15, 11]], -right[[11, 15]], atol=1e-7)


def test_a_portraits_own_motion_places_its_keypoints_where_they_are(encoded):
    (appearance, motion), _ = encoded
    np.testing.assert_allclose(place(appearance.identity, motion), appearance.placed, atol=1e-6)


def test_the_models_have_our_interfaces(animator):
    models = animator.checkpoint.models
    assert isinstance(models.face, Face) and isinstance(models.face, KeypointFace)
    assert isinstance(models.motion, MotionModel) and isinstance(models.speech, SpeechEncoder)


def test_speech_features_do_not_depend_on_the_silence_behind(animator, tone):
    """The animator fills speech up to whole segments; windows that hold the clip hear the same."""
    speech, params = animator.checkpoint.models.speech, animator.params["speech"]
    hear = jax.jit(lambda audio: speech.apply({"params": params}, audio))
    short, long = hear(tone[None, :7680]), hear(np.pad(tone[:7680], (0, 12800))[None])
    assert short.shape == (1, 12, 16) and long.shape == (1, 32, 16)
    np.testing.assert_allclose(short, long[:, :12], atol=1e-4)


@pytest.mark.slow
def test_frames_one_after_the_other_are_those_of_all_at_once(animator, encoded):
    (appearance, motion), _ = encoded
    face, variables = animator.checkpoint.models.face, {"params": animator.params["face"]}
    moved = jax.tree.map(lambda leaf: leaf * jnp.array([[1.0], [0.8], [1.3]]), motion)
    three = jax.tree.map(lambda leaf: jnp.repeat(leaf, 3, 0), appearance)
    found, expected = (
        jax.jit(lambda a, m, method=method: face.apply(variables, a, m, method=method))(three, moved)
        for method in ("decode", "draw")
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 1e-3
