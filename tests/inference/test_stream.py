from itertools import islice

import jax
import numpy as np
import pytest

from vasa_jax.errors import UserError
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.sound_queue import StreamFull
from vasa_jax.types import SAMPLES_PER_FRAME

RATE, HOP = 16_000, 2


@pytest.fixture(scope="module")
def animator(random_checkpoint):
    return Animator(random_checkpoint)


@pytest.fixture
def begin(animator, picture):
    """A new stream."""

    def new(**given):
        return animator.stream(picture, crop=False, hop=HOP, steps=2, **given)

    return new


def images(frames):
    return np.stack([frame.image for frame in frames])


@pytest.fixture(scope="module")
def whole(animator, picture, tone):
    """All frames of a stream that is fed at once."""
    stream = animator.stream(picture, crop=False, hop=HOP, steps=2)
    stream.feed(tone, RATE)
    stream.finish()
    return list(stream.ready())


def test_every_frame_of_the_sound_comes_once_with_its_sound(whole, tone):
    assert [frame.index for frame in whole] == list(range(26))
    assert whole[25].seconds == 1.0
    sound = np.concatenate([frame.sound for frame in whole])
    np.testing.assert_array_equal(sound[: len(tone)], tone)
    assert not sound[len(tone) :].any()


def test_the_size_of_the_pieces_changes_nothing(begin, tone, whole):
    stream, frames, rng = begin(), [], np.random.default_rng(3)
    start = 0
    while start < len(tone):
        count = int(rng.integers(0, 1500))
        stream.feed(tone[start : start + count], RATE)
        start += count
        frames += stream.ready()
    stream.finish()
    frames += stream.ready()
    np.testing.assert_array_equal(images(frames), images(whole))


def test_a_frame_can_be_made_when_its_delay_has_passed(begin, tone):
    stream = begin()
    needed = round(stream.delay * RATE)
    assert needed == (4 + HOP) * SAMPLES_PER_FRAME
    stream.feed(tone[: needed - 1], RATE)
    assert not list(stream.ready())
    stream.feed(tone[needed - 1 : needed], RATE)
    assert [frame.index for frame in stream.ready()] == [0, 1]


@pytest.mark.parametrize(("hop", "look_ahead"), [(2, 8), (3, 9), (10, 0)])
def test_who_hears_whole_windows_moves_as_the_clip_does(animator, picture, tone, hop, look_ahead):
    """To its end, within a window and a hop."""
    stream = animator.stream(picture, crop=False, hop=hop, look_ahead=look_ahead, steps=2, seed=3)
    assert stream.delay == pytest.approx((4 + hop + look_ahead) / 25)
    stream.feed(tone, RATE)
    stream.finish()
    motion = np.stack([frame.motion for frame in stream.ready()])
    np.testing.assert_allclose(motion, animator.move(tone, RATE, stream.controls), atol=1e-4)


def test_looking_ahead_changes_nothing_else(begin, tone, whole):
    stream, frames = begin(look_ahead=4), []
    for start in range(0, len(tone), 999):
        stream.feed(tone[start : start + 999], RATE)
        frames += stream.ready()
    assert len(frames) == 16, "25 frames of sound but the ear's four and these, in hops"
    stream.finish()
    frames += stream.ready()
    assert [frame.index for frame in frames] == list(range(26))
    np.testing.assert_array_equal([frame.sound for frame in frames], [frame.sound for frame in whole])
    assert np.abs(images(frames).astype(int) - images(whole)).max() > 0


def test_a_reader_who_stops_finds_the_rest_later_and_holds_the_stream_back(begin, tone, whole, monkeypatch):
    stream, made = begin(), []
    monkeypatch.setattr(stream, "_make", lambda sound, make=stream._make: (made.append(1), make(sound)))
    stream.feed(tone, RATE)
    first = list(islice(stream.ready(), 1))
    assert len(made) == 1
    stream.finish()
    np.testing.assert_array_equal(images(first + list(stream.ready())), images(whole))


def test_sound_that_nobody_takes_is_refused_beyond_a_limit(begin, tone):
    stream = begin(max_ahead=1.5)
    stream.feed(tone, RATE)
    with pytest.raises(StreamFull, match="take its frames first"):
        stream.feed(tone, RATE)
    assert stream.waiting == pytest.approx(len(tone) / RATE)
    list(stream.ready())
    stream.feed(tone, RATE)


@pytest.mark.parametrize(
    ("piece", "rate", "message"),
    [
        (np.array([0.1, np.nan], np.float32), RATE, "not numbers"),
        (np.zeros(441, np.float32), 44_100, "the stream began with audio of 16000 Hz"),
        (np.array(["sound"]), RATE, "audio is an array"),
        (np.zeros((9, 2, 2)), RATE, "audio is an array"),
    ],
)
def test_a_refused_piece_changes_nothing(begin, tone, whole, piece, rate, message):
    stream = begin()
    stream.feed(tone[:7001], RATE)
    frames = list(stream.ready())
    with pytest.raises(UserError, match=message):
        stream.feed(piece, rate)
    stream.feed(np.zeros(0, np.float32), RATE)
    stream.feed(tone[7001:], RATE)
    stream.finish()
    np.testing.assert_array_equal(images(frames + list(stream.ready())), images(whole))


def test_a_stream_that_was_fed_nothing_gives_nothing(begin):
    stream = begin()
    stream.feed(np.zeros(0, np.int16), 44_100)
    assert not list(stream.ready()) and stream.waiting == 0
    stream.finish()
    assert not list(stream.ready())


def test_a_change_shows_from_the_next_frames_on(begin, tone, whole):
    stream = begin()
    stream.feed(tone[:8000], RATE)
    before = list(stream.ready())
    stream.change(gaze=(30.0, 10.0), emotion="happy", distance=1.5)
    stream.feed(tone[8000:], RATE)
    stream.finish()
    after = list(stream.ready())
    count = len(before)
    np.testing.assert_array_equal(images(before), images(whole[:count]))
    assert np.abs(images(after)[:HOP].astype(int) - images(whole[count : count + HOP])).max() > 0


def test_after_an_interruption_there_is_silence(begin, tone):
    stream = begin()
    stream.feed(tone, RATE)
    shown = list(islice(stream.ready(), 5))
    stream.interrupt()
    assert stream.waiting < 0.04
    stream.rest(1.0)
    later = list(stream.ready())
    assert later[0].index == 6 and not any(frame.sound.any() for frame in later), "the hop of frame 5 is dropped"
    assert shown[-1].sound.any()


def test_speech_that_was_looked_ahead_to_is_forgotten_too(begin, tone):
    """What the ear tells of the frames to come is what it tells where silence follows."""
    stream, silent = begin(look_ahead=4), begin(look_ahead=4)
    stream.feed(tone, RATE)
    shown = list(islice(stream.ready(), 6))
    stream.interrupt()
    silent.feed(tone[: 6 * SAMPLES_PER_FRAME], RATE)
    silent.rest(8 / 25)
    assert len(list(silent.ready())) == 6
    np.testing.assert_array_equal(stream._planner._features[:, 6:], silent._planner._features[:, 6:])
    stream.rest(1.0)
    later = list(stream.ready())
    assert [frame.index for frame in later] == list(range(6, 30))
    assert shown[-1].sound.any() and not any(frame.sound.any() for frame in later)


def test_it_idles_without_any_speech(begin):
    stream = begin()
    stream.rest(1.0)
    frames = images(list(stream.ready()))
    assert len(frames) == 20 and np.abs(np.diff(frames.astype(int), axis=0)).max() > 0


def test_a_held_head_has_the_pose_of_the_portrait(begin, animator, tone, monkeypatch):
    seen = []
    decode = animator._face.decode
    monkeypatch.setattr(animator._face, "decode", lambda *given: (seen.append(given[1]), decode(*given))[1])
    stream = begin(pose="fixed")
    stream.feed(tone, RATE)
    list(stream.ready())
    poses = np.concatenate(seen)[:, :7]
    np.testing.assert_array_equal(poses, np.repeat(poses[:1], len(poses), 0))


def test_nothing_compiles_after_the_first_stream(begin, tone, compiled):
    stream = begin()
    del compiled[:]
    for seed in range(3):
        stream.feed(tone[: 700 * (seed + 3)], RATE)
        stream.change(gaze=(float(seed), 0.0), emotion=f"sad:{seed / 4}")
        list(stream.ready())
    other = begin(seed=7)
    other.feed(tone, RATE)
    other.finish()
    assert list(other.ready()) and not compiled


def test_a_finished_stream_takes_no_more(begin, tone):
    stream = begin()
    stream.finish()
    assert not list(stream.ready())
    with pytest.raises(UserError, match="the stream is finished: begin another one"):
        stream.feed(tone, RATE)


def test_what_a_stream_cannot_do_is_said(begin, animator, picture):
    with pytest.raises(UserError, match="a stream cannot set its blinks"):
        begin(blinks=10.0)
    with pytest.raises(UserError, match="a stream can change gaze, distance, emotion, not seed"):
        begin().change(seed=3)
    with pytest.raises(UserError, match="a stream's hop has 1 to 10 frames, not 11"):
        animator.stream(picture, crop=False, hop=11)
    for frames in (-2, 3, 12):
        with pytest.raises(UserError, match=f"looks ahead by whole hops of 2, up to 10 frames, not by {frames}"):
            begin(look_ahead=frames)
    with pytest.raises(UserError, match="gaze yaw in degrees is from -60 to 60, not 90"):
        begin().change(gaze=(90.0, 0.0))


def test_without_a_word_ten_steps_are_taken(animator):
    assert animator._streams.controls({}).steps == 10
    assert animator._streams.controls({"eta": 1.0}).steps == 50


def test_a_full_device_is_told_in_a_line(begin, tone, monkeypatch):
    stream = begin()
    stream.feed(tone, RATE)

    def full():
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")

    monkeypatch.setattr(stream, "_images", full)
    with pytest.raises(UserError, match=r"^the device is out of memory: draw fewer frames at once .*a stream's hop"):
        list(stream.ready())
    monkeypatch.setattr(stream, "_images", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(stream.ready())


def test_an_ear_that_hears_the_whole_clip_cannot_stream(animator, begin, monkeypatch):
    monkeypatch.setattr(animator._ear, "_speech", object())
    with pytest.raises(UserError, match="these weights cannot stream: their ear has to hear a clip to its end"):
        begin()
