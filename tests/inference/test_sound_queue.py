import numpy as np
import pytest
import soxr

from vasa_jax.errors import UserError
from vasa_jax.inference.sound_queue import SoundQueue, StreamFull

FRAME = 640


def pieces(sound, seed=0, most=700):
    """The sound in pieces of any size, empty ones too."""
    rng, start = np.random.default_rng(seed), 0
    while start < len(sound):
        count = int(rng.integers(0, most))
        yield sound[start : start + count]
        start += count


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).uniform(-0.4, 0.4, 5000).astype(np.float32)


def test_what_comes_in_pieces_goes_out_in_frames(noise):
    queue = SoundQueue(10)
    for piece in pieces(noise):
        queue.add(piece, 16_000)
    taken = [queue.take(1) for _ in range(7)]
    np.testing.assert_array_equal(np.concatenate(taken), noise[: 7 * FRAME])
    assert queue.take(1) is None and queue.seconds == pytest.approx((5000 - 7 * FRAME) / 16_000)
    queue.end()
    np.testing.assert_array_equal(queue.take(1), np.pad(noise[7 * FRAME :], (0, 8 * FRAME - 5000)))


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_another_rate_in_pieces_is_what_it_is_in_one(noise, rate):
    sound = soxr.resample(noise, 16_000, rate)
    queue = SoundQueue(10)
    for piece in pieces(sound):
        queue.add(piece, rate)
    queue.end()
    whole = soxr.resample(sound, rate, 16_000)
    assert queue.added == -(-len(whole) // FRAME) * FRAME
    np.testing.assert_allclose(queue.take(queue.added // FRAME)[: len(whole)], whole, atol=1e-3)


def test_stereo_and_integers_are_brought_to_one_scale():
    queue = SoundQueue(1)
    queue.add(np.full((FRAME, 2), (2**14, 0), np.int16), 16_000)
    np.testing.assert_allclose(queue.take(1), 0.25)


def test_rest_is_silence_after_what_was_fed(noise):
    queue = SoundQueue(10)
    queue.add(noise[:FRAME], 16_000)
    queue.rest(0.04)
    np.testing.assert_array_equal(queue.take(2), np.pad(noise[:FRAME], (0, FRAME)))


def test_cleared_sound_is_gone_and_frames_keep_their_places(noise):
    queue = SoundQueue(10)
    queue.add(noise[: 3 * FRAME + 100], 16_000)
    queue.clear()
    queue.add(noise[: 2 * FRAME], 16_000)
    assert queue.added == 2 * FRAME + 100
    np.testing.assert_array_equal(queue.take(1), np.pad(noise[: FRAME - 100], (100, 0)))


def test_too_much_is_refused_and_changes_nothing(noise):
    queue = SoundQueue(0.2)
    queue.add(noise[:1600], 16_000)
    with pytest.raises(StreamFull, match=r"^0.3 s of audio would wait to be shown, the stream keeps 0.2 s: take its"):
        queue.add(noise[:3200], 16_000)
    assert queue.added == 1600


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.array([0.0, np.nan]), 16_000, "the audio holds values that are not numbers"),
        (np.array(["a"]), 16_000, "audio is an array"),
        (np.zeros(10), 4_000, "the audio has a rate of 4000 Hz; give one from 8000 to 192000 Hz"),
        (np.zeros(10), 48_000, "the stream began with audio of 16000 Hz: feed it that, not 48000 Hz"),
    ],
)
def test_bad_sound_is_refused(samples, rate, message):
    queue = SoundQueue(1)
    queue.add(np.zeros(5), 16_000)
    with pytest.raises(UserError, match=message):
        queue.add(samples, rate)
    assert queue.added == 5


@pytest.mark.parametrize("seconds", [-1.0, np.inf, np.nan])
def test_a_rest_has_a_length(seconds):
    with pytest.raises(UserError, match="a rest lasts some seconds"):
        SoundQueue(1).rest(seconds)
