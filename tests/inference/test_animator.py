"""The animator: every input counts, programs are compiled once, lengths are exact."""

import jax
import numpy as np
import pytest

import vasa_jax
from vasa_jax.compile_cache import cache_folder, enable_compile_cache
from vasa_jax.errors import UserError
from vasa_jax.inference import speech_programs
from vasa_jax.inference.animator import Animator

STEPS = 3


@pytest.fixture(scope="module")
def animator(random_checkpoint):
    return Animator(random_checkpoint)


@pytest.fixture(scope="module")
def animate(animator, picture, tone):
    """`animate` of the same picture and tone, with what is to differ."""

    def call(portrait=picture, speech=tone, rate=16_000, **options):
        options = {"steps": STEPS, "crop": False, **options}
        return animator.animate(portrait, speech, rate, **options)

    return call


@pytest.fixture(scope="module")
def plain(animate):
    return animate()


def test_video_of_the_right_shape(plain, tone):
    assert plain.frames.shape == (26, 32, 32, 3) and plain.frames.dtype == np.uint8
    assert (plain.fps, plain.sample_rate) == (25, 16_000)
    np.testing.assert_array_equal(plain.audio, tone)
    assert list(plain.seconds) == ["load", "crop", "encode", "speech", "sample", "decode"]
    assert plain.frames.std(0).max() > 1


def test_the_same_seed_gives_the_same_video(plain, animate):
    np.testing.assert_array_equal(animate().frames, plain.frames)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"audio_cfg": 3.0},
        {"gaze_cfg": 3.0},
        {"gaze": (40.0, 20.0)},
        {"distance": 0.5},
        {"emotion": "angry"},
        {"steps": 4},
    ],
    ids=str,
)
def test_every_control_counts(plain, animate, other):
    assert (animate(**other).frames != plain.frames).any()


def test_portrait_and_speech_count(plain, animate, picture, tone):
    assert (animate(255 - picture).frames != plain.frames).any()
    assert (animate(speech=tone * np.linspace(0, 1, len(tone), dtype=np.float32)).frames != plain.frames).any()


def test_distance_is_by_default_the_training_sets_mean(plain, animate):
    np.testing.assert_array_equal(animate(distance=1.1).frames, plain.frames)


def test_another_clip_compiles_nothing(plain, animate, picture, tone, compiled):
    animate(seed=7, gaze=(-5.0, 3.0), distance=1.5, emotion="happy:0.3", audio_cfg=0.0, gaze_cfg=2.0)
    animate(picture[::-1, ::-1])
    animate(np.ascontiguousarray(picture[:70, :80]), speech=tone[:4000])
    animate(speech=np.tile(tone, 3), rate=48_000)
    assert not compiled
    animate(steps=STEPS + 2)
    assert compiled  # the counter counts


@pytest.mark.slow
def test_long_speech_runs_in_segments_that_join(animate, animator, tone, monkeypatch):
    """More than one segment of 4 windows of 10 frames gives the same motion as one longer segment."""
    speech = np.tile(tone, 3)
    in_segments = animate(speech=speech)
    assert len(in_segments.frames) == 76
    monkeypatch.setattr(speech_programs, "SEGMENT_WINDOWS", 8)
    whole = Animator(animator.checkpoint).animate(*_inputs(speech), steps=STEPS, crop=False)
    difference = np.abs(in_segments.frames.astype(int) - whole.frames)
    assert difference.max() <= 1  # rounding


def _inputs(speech):
    rows, columns = np.mgrid[0:90, 0:120]
    return np.stack([2 * rows, 2 * columns, 255 - rows - columns], -1).astype(np.uint8), speech, 16_000


def test_shorter_speech_is_a_beginning_of_the_longer(plain, animate, tone):
    """What is heard after the look-ahead does not change what was shown, within one window."""
    half = animate(speech=tone[: 640 * 20]).frames
    np.testing.assert_array_equal(half[:10], plain.frames[:10])


def test_one_frame_of_speech(animate, tone):
    assert len(animate(speech=tone[:640]).frames) == 1


def test_progress_ends_at_its_total(animate):
    calls = []
    animate(progress=lambda *call: calls.append(call))
    assert calls[0] == ("sample", 0, 3) and ("sample", 3, 3) in calls
    assert calls[-1] == ("decode", 26, 26)
    assert [c[1] for c in calls if c[0] == "decode"] == [0, 8, 16, 24, 26]


def test_bad_input_is_told_before_work(animate, picture, tone):
    for wrong in ({"portrait": picture[:30]}, {"speech": tone[:10]}, {"steps": 0}, {"crop": True}):
        with pytest.raises(UserError):
            animate(**wrong)


def test_load_reports_its_time_and_keeps_programs(checkpoint_folder, cache_home):
    animator = vasa_jax.load(checkpoint_folder)
    assert animator.load_seconds > 0 and animator.image_size == 32
    assert jax.config.jax_compilation_cache_dir == str(cache_folder()) == str(cache_home / "vasa_jax")
    assert enable_compile_cache() is None  # a choice that stands is left alone


def test_importing_the_package_is_light():
    import subprocess
    import sys

    code = "import sys, vasa_jax; dir(vasa_jax); print(sorted({'jax', 'numpy', 'flax'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = vasa_jax.nothing
