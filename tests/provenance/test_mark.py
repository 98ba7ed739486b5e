"""The mark: as strong as said, read after attacks, and never seen where it is not."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.attacks import ATTACKS, distance, encoded, marked
from benchmarks.attacks import resized as resized_frames
from vasa_jax.provenance.mark import carrier, looks, reader, writer
from vasa_jax.provenance.mark.payload import CHECK_BITS, Payload
from vasa_jax.provenance.mark.place import Place
from vasa_jax.provenance.mark.search import LOOKS, SIZES
from vasa_jax.provenance.mark.thumbnails import Thumbnails, from_frames

PAYLOAD = Payload(0, 1, 0xABC, 0x123456)


@pytest.fixture(scope="module")
def with_mark(clip):
    return marked(resized_frames(clip, 256), PAYLOAD)


@pytest.mark.parametrize("each", [carrier.VIDEO, carrier.STILL])
def test_patterns_are_orthonormal_and_in_the_band(each):
    patterns = each.patterns
    np.testing.assert_allclose(patterns.T @ patterns, np.eye(1 + carrier.SYMBOLS), atol=1e-9)
    image = each.image(PAYLOAD)
    assert abs((image**2).mean() - 1) < 1e-9
    outside = carrier.cosine_matrix(64) @ image @ carrier.cosine_matrix(64).T
    assert abs(outside[~each.band]).max() < 1e-9
    assert len(set(np.round(abs(patterns[:, 0]), 9))) == 1  # sync is signs alone, as the bound asks


def test_resampling_keeps_the_band():
    """Enlarged and reduced again a wave near the band's upper end is itself, nearly."""
    wave = np.cos(2 * np.pi * 20 * (np.arange(64) + 0.5) / 64)
    up, down = carrier.resampling(64, 256), carrier.resampling(256)
    np.testing.assert_allclose((down @ up @ wave)[4:-4], wave[4:-4], atol=0.25)
    np.testing.assert_allclose(up @ np.ones(64), np.ones(256))
    part = carrier.resampling(32, start=0.5, span=0.5) @ np.arange(32.0)  # the right half of the frame
    assert (part[:32] == 0).all() and abs(part[-1] - 31) < 0.5


@pytest.mark.parametrize("size", [128, 256, 512])
@pytest.mark.parametrize("still", [False, True])
def test_strength_is_as_said_and_below_the_bar(size, still):
    pattern = writer.pattern(PAYLOAD, size, still)
    levels = math.sqrt(float((pattern.astype(np.float64) ** 2).mean())) * 127.5
    assert abs(levels - writer.strength(size)) < 1e-3
    assert 20 * math.log10(255 / levels) > 42.0
    assert pattern.shape == (size, size) and pattern.dtype == np.float32


def test_distance_of_marked_frames(clip, with_mark):
    assert distance(with_mark, resized_frames(clip, 256)) > 42


def test_signs_turn_every_slot():
    np.testing.assert_array_equal(writer.signs(0, 10), [1] * 4 + [-1] * 4 + [1] * 2)
    np.testing.assert_array_equal(np.concatenate([writer.signs(0, 3), writer.signs(3, 7)]), writer.signs(0, 10))


def test_put_mark_is_an_addition_in_one_program(clip):
    pattern = jnp.asarray(writer.pattern(PAYLOAD, 128))
    images = jnp.asarray(clip[:2], jnp.float32) / 127.5 - 1
    added = jax.jit(writer.put_mark)(images, pattern, jnp.array([1.0, -1.0])) - images
    expected = np.array([1.0, -1.0])[:, None, None] * writer.hiding(images) * pattern
    expected *= np.sqrt((pattern**2).mean() / (expected**2).mean((1, 2), keepdims=True))
    np.testing.assert_allclose(added, np.repeat(expected[..., None], 3, -1), atol=1e-6)
    levels = 127.5 * np.sqrt((added**2).mean((1, 2, 3)))
    np.testing.assert_allclose(levels, writer.strength(128), rtol=1e-4)  # whatever the frame hides


def test_busy_places_hide_more_and_plain_frames_the_same_everywhere():
    noise = jax.random.uniform(jax.random.key(0), (1, 128, 128, 3), minval=-0.5, maxval=0.5)
    half = jnp.where(jnp.arange(128)[:, None, None] < 64, noise, 0.2)
    weight = writer.hiding(half)
    assert weight[0, :56, :, None].mean() > 2 * weight[0, 72:, :, None].mean() > 0
    np.testing.assert_allclose(writer.hiding(jnp.full((1, 128, 128, 3), 0.3)), 1, rtol=1e-3)


def test_read_as_it_is(with_mark):
    reading = reader.read(from_frames(with_mark))
    assert reading.found and reading.payload == PAYLOAD and reading.place.is_whole and reading.z > 7


@pytest.mark.slow
@pytest.mark.parametrize("attack", [name for name in ATTACKS if name not in ("none", "half, cropped, crf 28")])
def test_read_after_attacks(with_mark, attack):
    reading = reader.read(from_frames(ATTACKS[attack](encoded(with_mark, 18))))
    assert reading.found and reading.payload == PAYLOAD
    assert reading.place.is_whole == (attack != "a fifth cropped")


@pytest.mark.slow
def test_found_in_a_larger_picture(with_mark):
    whole = np.full((len(with_mark), 300, 480, 3), 80, np.uint8)
    whole[:, 20:276, 150:406] = with_mark
    reading = reader.read(from_frames(whole))
    assert reading.payload == PAYLOAD
    wanted = Place(-20 / 256, -150 / 256, 300 / 256, 480 / 256)
    for name in ("top", "left", "height", "width"):
        assert abs(getattr(reading.place, name) - getattr(wanted, name)) < 0.02


@pytest.mark.parametrize("first", [0, 1, 3, 4, 7])
def test_an_excerpt_may_begin_anywhere(with_mark, first):
    assert reader.read(from_frames(with_mark[first : first + 30])).payload == PAYLOAD


def test_another_frame_rate(with_mark):
    """Shown at 50 frames a second, each twice: time stamps tell, not the count."""
    clip = from_frames(with_mark)
    twice = Thumbnails(clip.frames.repeat(2, 0), clip.numbers.repeat(2), True)
    assert reader.read(twice).payload == PAYLOAD


def test_a_still(clip):
    still = clip[0] / 127.5 - 1 + writer.pattern(PAYLOAD, 128, still=True)[..., None]
    levels = np.clip(np.round((still + 1) * 127.5), 0, 255).astype(np.uint8)
    assert reader.read(from_frames([levels], is_video=False)).payload == PAYLOAD


@pytest.mark.slow
def test_nothing_where_nothing_is(clip):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (20, 64, 64, 3), np.uint8)
    black = np.zeros((20, 64, 64, 3), np.uint8)
    for frames in (clip, noise, black):
        reading = reader.read(from_frames(frames))
        assert not reading.found and reading.payload is None


def test_the_bound_holds_for_random_keys(clip):
    """Of any frames, no larger share of keys reaches t than the bound says; and the bound is not far off."""
    cosines = looks.cosines(from_frames(clip), Place(), carrier.VIDEO)[0]
    signs = np.random.default_rng(2).choice([-1.0, 1.0], (20_000, len(cosines)))
    z = signs @ cosines / np.linalg.norm(cosines)
    for level in (1.0, 2.0, 3.0):
        assert 0.1 * reader.chance(level) < (z >= level).mean() < reader.chance(level)


def test_the_bound_is_met_by_two_signs():
    """The factor's least value: for the sum of two signs over the root of two, it is an equality at that root."""
    assert reader.chance(math.sqrt(2)) == pytest.approx(1 / 4)
    assert reader.chance(-9.0) == 1.0


def test_thresholds_add_up_to_one_in_a_million():
    for looks_made, checked in ((8, False), (8, True), (LOOKS, False), (LOOKS, True)):
        z = reader.needed(looks_made, checked)
        chance = looks_made * reader.chance(z) / (2**CHECK_BITS if checked else 1)
        assert chance == pytest.approx(1e-6 / 4)
    assert reader.needed(1, checked=True) < reader.needed(8, checked=True) < reader.needed(8, checked=False)
    places = sum((abs(64 - round(64 * size)) + 1) ** 2 for size in SIZES)
    signs = 2 * len(looks.PHASES)
    assert places * signs + 2 * 2 * 19 * signs < LOOKS
