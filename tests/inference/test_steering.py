"""Blinks and head pose that are asked for over those that speech makes: exactly those, and nothing else moves."""

import dataclasses

import numpy as np
import pytest

from vasa_jax.errors import UserError
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.blinks import PROFILE, SLACK, Lids, blink_curve, blink_starts, set_blinks, without_blinks
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.crop import crop_centre
from vasa_jax.inference.head_pose import check_pose, there_and_back

# Lids in the second of the random checkpoint's dynamics: read from it and moved by it.
ABOUT = {"weights": [0.0] * 8 + [0.5] + [0.0] * 4, "bias": 0.1, "direction": [0.0] * 8 + [1.6, 0.4, 0.0, 0.0, 0.0]}
LIDS = Lids.of({"lids": ABOUT})


@pytest.fixture(scope="module")
def animator(random_checkpoint):
    config = random_checkpoint.config
    config = {**config, "statistics": {**config["statistics"], "lids": ABOUT}}
    return Animator(dataclasses.replace(random_checkpoint, config=config))


@pytest.fixture(scope="module")
def clip():
    """12 squares of noise that changes slowly."""
    ends = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3))
    return list(np.linspace(*ends, 12).astype(np.uint8))


@pytest.fixture
def shown(animator, picture, tone, monkeypatch):
    """The motion that `animate` draws, undrawn."""

    def call(**options):
        drawn = []

        def show(appearance, motions, *rest):
            drawn.append(np.concatenate(list(motions)))
            yield np.zeros((len(drawn[-1]), 32, 32, 3), np.uint8)

        monkeypatch.setattr(animator._face, "show", show)
        animator.animate(picture, tone, 16_000, steps=2, crop=False, **options)
        return drawn[0]

    return call


def whole(parts):
    return np.concatenate(list(parts))


def motion_with_blinks(starts, frames=200):
    motion = np.random.default_rng(1).normal(size=(frames, 13)).astype(np.float32)
    motion[:, 8] = 0.05 * motion[:, 8]
    return motion + blink_curve(starts, frames)[:, None] * LIDS.direction


def test_blinks_are_taken_out_and_the_rest_stays():
    blinking, still = motion_with_blinks([20, 100, 104, 190]), motion_with_blinks([])
    opened = whole(without_blinks([blinking], LIDS))
    assert LIDS.closing(blinking).max() > 0.85 > 0.3 > LIDS.closing(opened).max()
    assert np.abs(LIDS.closing(opened) - LIDS.closing(still)).max() < 0.15
    others = [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12]
    np.testing.assert_array_equal(opened[:, others], blinking[:, others])
    np.testing.assert_array_equal(opened[30:80], blinking[30:80])


def test_lids_that_rest_low_are_no_blink():
    motion = motion_with_blinks([])
    motion[60:140, 8] += 1.0
    lower = LIDS.closing(motion) - LIDS.closing(whole(without_blinks([motion], LIDS)))
    assert LIDS.closing(motion)[80:120].min() > 0.5 and lower[80:120].max() < SLACK


def test_blinks_come_at_the_rate_and_the_seed_decides_when():
    starts = blink_starts(15_000, 20.0, 3)
    assert len(starts) == pytest.approx(200, rel=0.08) and min(np.diff(starts)) > len(PROFILE)
    assert starts == blink_starts(15_000, 20.0, 3) != blink_starts(15_000, 20.0, 4)
    assert blink_starts(1000, 0.0, 0) == [] == blink_starts(5, 60.0, 0)
    closing = LIDS.closing(whole(set_blinks([motion_with_blinks([33])], LIDS, 30.0, 0, 200)))
    shut = [start + int(PROFILE.argmax()) for start in blink_starts(200, 30.0, 0)]
    assert shut and (closing[shut] > 0.75).all()
    assert (np.delete(closing, np.add.outer(shut, np.arange(-4, 5)).ravel().clip(0, 199)) < 0.35).all()


@pytest.mark.parametrize("sizes", [[200], [1] * 200, [5, 40, 12, 143], [13, 0, 187]], ids=len)
def test_the_same_blinks_whatever_the_parts_of_the_motion(sizes):
    motion = motion_with_blinks([4, 100, 190])
    parts = np.split(motion, np.cumsum(sizes)[:-1])
    expected = whole(set_blinks([motion], LIDS, 30.0, 0, 200))
    np.testing.assert_allclose(whole(set_blinks(parts, LIDS, 30.0, 0, 200)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        ({}, "their statistics tell nothing of the lids"),
        ({"lids": {"bias": 0}}, "their statistics tell nothing of the lids"),
        ({"lids": {**ABOUT, "direction": [0.0] * 13}}, "nothing in their motion closes the lids"),
    ],
    ids=["none", "part", "dead"],
)
def test_weights_without_lids_are_refused(statistics, message):
    with pytest.raises(UserError, match=f"these weights cannot set blinks: {message}"):
        Lids.of(statistics)


def test_blinks_in_a_video(shown, animator, random_checkpoint, tone):
    plain, none, many = shown(), shown(blinks=0.0), shown(blinks=60.0)
    np.testing.assert_array_equal(plain, animator.move(tone, 16_000, Controls(steps=2)))
    np.testing.assert_array_equal(none, whole(without_blinks([plain], LIDS)))
    np.testing.assert_array_equal(many, whole(set_blinks([plain], LIDS, 60.0, 0, len(plain))))
    assert LIDS.closing(many).max() > LIDS.closing(none).max() + 0.5
    with pytest.raises(UserError, match="the number of blinks a minute is from 0 to 60, not 61"):
        shown(blinks=61.0)
    with pytest.raises(UserError, match="these weights cannot set blinks"):
        Animator(random_checkpoint).move(tone, 16_000, Controls(steps=2, blinks=5.0))


def poses(frames, animator):
    """As the encoder reads them."""
    _, own = animator._face.encode(frames[0])
    return animator._face.poses(frames, own, False)


def test_the_pose_of_a_clip_there_and_back(shown, animator, clip):
    plain, read = shown(), poses(clip, animator)
    assert read.shape == (12, 7)
    moved = shown(pose_from=iter(clip))
    np.testing.assert_array_equal(moved[:, :7], read[[*range(12), *range(10, -1, -1), 1, 2, 3]])
    np.testing.assert_array_equal(moved[:, 7:], plain[:, 7:])
    assert (moved[:, :7] != plain[:, :7]).any()
    asked = []
    shown(pose_from=(asked.append(0) or clip[k % 12] for k in range(1000)))
    assert len(asked) == 26


def test_a_fixed_pose_is_the_portraits(shown, animator, clip, picture):
    own = poses([crop_centre(picture, 32)], animator)
    fixed = shown(pose="fixed")
    np.testing.assert_allclose(fixed[:, :7], np.repeat(own, 26, 0), atol=1e-3)
    np.testing.assert_array_equal(fixed[:, 7:], shown()[:, 7:])
    at_rest = shown(pose_from=[clip[0]] * 3, pose="relative")
    np.testing.assert_allclose(at_rest[:, :7], fixed[:, :7], atol=1e-3)
    assert np.abs(shown(pose_from=[clip[0]] * 3)[:, :7] - fixed[:, :7]).max() > 0.1


def test_there_and_back():
    steps = np.arange(3.0)[:, None]
    np.testing.assert_array_equal(there_and_back(steps, 8).ravel(), [0, 1, 2, 1, 0, 1, 2, 1])
    np.testing.assert_array_equal(there_and_back(steps, 2).ravel(), [0, 1])
    np.testing.assert_array_equal(there_and_back(steps[:1], 3).ravel(), [0, 0, 0])


@pytest.mark.parametrize(
    ("pose", "video", "message"),
    [
        ("upright", False, "no pose is called 'upright'; there are absolute, relative, fixed"),
        ("fixed", True, "a fixed pose is the portrait's own: give no clip for the pose"),
        ("relative", False, "the pose 'relative' is that of a clip: give one"),
    ],
)
def test_poses_that_cannot_be(pose, video, message):
    with pytest.raises(UserError, match=message):
        check_pose(pose, video)


def test_guidance_of_the_rarer_controls(shown):
    assert Controls().guidance == {"audio": 0.5, "gaze": 1.0}
    assert Controls(emotion_cfg=2.0).guidance == {"audio": 0.5, "gaze": 1.0, "emotion": 2.0}
    assert (shown(emotion="sad", emotion_cfg=2.0) != shown(emotion="sad")).any()
    with pytest.raises(UserError, match="the guidance scale of the emotion is from 0 to 10, not -1"):
        shown(emotion_cfg=-1.0)


def test_a_clip_without_frames(shown):
    with pytest.raises(UserError, match="the clip for the pose has no frames"):
        shown(pose_from=[])
