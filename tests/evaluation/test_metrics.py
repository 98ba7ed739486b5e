"""Each metric on arrays whose answer is known."""

import numpy as np
import pytest

from vasa_jax.evaluation import images, people, phones, signals


def test_psnr_of_a_known_error():
    truth = np.full((32, 32, 3), 100, np.uint8)
    assert images.psnr(truth + np.uint8(10), truth) == pytest.approx(10 * np.log10(255**2 / 100))
    assert images.psnr(truth, truth) == pytest.approx(58.9, abs=0.1)


def test_a_blurred_picture_has_less_detail():
    truth = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    half = (truth // 2).astype(np.uint8)
    assert images.detail(truth, truth) == 1
    assert images.detail(half, truth) == pytest.approx(0.25, rel=0.02), "a power: half the contrast is a quarter"
    blurred = truth.copy()
    blurred[1:] = truth[1:] // 2 + truth[:-1] // 2
    assert images.detail(blurred, truth) < 0.8
    assert images.detail(truth, np.full_like(truth, 7)) > 1000, "finite, if nothing is to be seen"


def test_ssim_is_one_for_equals_and_falls_with_noise():
    rng = np.random.default_rng(0)
    truth = rng.integers(50, 200, (40, 40, 3)).astype(np.uint8)
    little, much = (np.clip(truth + rng.normal(0, s, truth.shape), 0, 255).astype(np.uint8) for s in (5, 40))
    assert images.ssim(truth, truth) == pytest.approx(1)
    assert images.ssim(much, truth) < images.ssim(little, truth) < 1


def test_mouth_box_is_in_rows_from_the_top():
    landmarks = np.zeros((68, 2))
    landmarks[48:68] = [[-0.25, -0.5], [0.25, -0.5]] * 10
    top, bottom, left, right = images.mouth_box(landmarks, 100, margin=0.4)
    assert (top, bottom, left, right) == (65, 85, 27, 73)
    assert images.cut(np.zeros((100, 100, 3), np.uint8), np.array([65, 85, 27, 73])).shape == (20, 46, 3)


def test_correlation_peaks_where_the_curve_lags():
    reference = np.random.default_rng(1).normal(size=200)
    late = np.roll(reference, 2)
    found = {shift: signals.correlation_at(late, reference, shift) for shift in range(-4, 5)}
    assert max(found, key=found.get) == 2 and found[2] == pytest.approx(1)
    assert np.isnan(signals.correlation(np.ones(9), reference[:9]))
    assert signals.correlation(
        np.array([1.0, np.nan, 2.0, 3.0]), np.array([2.0, 9.0, 4.0, 6.0])
    ) == pytest.approx(1)


def test_blinks_are_counted_once_each():
    openness = np.full(100, 0.35)
    openness[20:24] = [0.25, 0.18, 0.19, 0.29]  # 0.29 is over the first threshold and under the second
    openness[24] = 0.2
    openness[60:62] = 0.2
    assert signals.blinks(openness) == 2
    assert signals.per_minute(2, 100) == 30
    assert signals.blink_floors(openness) == pytest.approx([0.18 / 0.35, 0.2 / 0.35]), "the lowest of each"
    assert signals.blink_floors(np.full(9, np.nan)) == []


def test_head_motion_is_in_degrees_a_frame():
    angles = np.zeros((10, 3))
    angles[:, 0] = np.radians(np.arange(10) * 0.6)
    assert signals.head_motion(angles) == pytest.approx(0.2)
    assert signals.head_motion(signals.smooth(angles)) == pytest.approx(0.2)
    angles[4] = np.nan
    assert signals.head_motion(angles) == pytest.approx(0.2)


def test_closure_compares_phones_with_vowels():
    opening = np.array([0.0, 0.2, 0.2, 0.15, 0.2, 0.0])
    labels, edges = ["P", "AA", "M", "IY", "SIL"], np.array([0, 0.04, 0.12, 0.16, 0.2, 0.24])
    found = phones.closure(opening, labels, edges[:-1], edges[1:])
    assert found.closed == pytest.approx(0.075) and found.vowels == pytest.approx(0.2)
    assert found.made == 0.5 and found.events == 2


def test_closure_without_closed_phones_is_nan():
    found = phones.closure(np.ones(5), ["AA"], np.array([0.0]), np.array([0.2]))
    assert np.isnan(found.closed) and np.isnan(found.made) and found.events == 0


def test_area_under_curve():
    assert people.area_under_curve(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == 1
    assert people.area_under_curve(np.array([0.5]), np.array([0.5])) == 0.5
    assert people.cosine_similarity(np.eye(2), np.array([[2.0, 0.0]]))[0, 0] == pytest.approx(1)
