"""Frames come back into their photograph where they were cut, and nothing else of it changes."""

import numpy as np
import pytest

from vasa_jax.inference.crop import cut_square
from vasa_jax.inference.paste import EDGE, setting_of, soft_mask

WHITE = np.full((40, 40, 3), 255, np.uint8)


def pasted(picture, square, frame):
    (whole,) = setting_of(picture, square).paste([frame])
    return whole


@pytest.mark.parametrize("square", [((60.0, 45.0), 50.0), ((10.0, 80.0), 60.0), ((60.0, 45.0), 300.0)])
def test_the_cut_out_square_put_back_is_the_photograph(picture, square):
    """Also where the square leaves it, in which the picture's edge was repeated."""
    side = round(square[1])
    np.testing.assert_array_equal(pasted(picture, square, cut_square(picture, *square, side)), picture)


def test_a_frame_fills_its_square_and_fades_at_its_edge(picture):
    whole = pasted(picture, ((60.0, 45.0), 50.0), WHITE).astype(int)
    outside = np.ones(picture.shape[:2], bool)
    outside[20:70, 35:85] = False
    np.testing.assert_array_equal(whole[outside], picture[outside])
    edge = int(np.ceil(EDGE * 50))
    assert (whole[20 + edge : 70 - edge, 35 + edge : 85 - edge] == 255).all()
    fade = (whole[45, 35 : 35 + edge, 0] - picture[45, 35 : 35 + edge, 0].astype(int)) / (
        255.0 - picture[45, 35 : 35 + edge, 0]
    )
    assert (np.diff(fade) > 0).all() and fade[0] < 0.05


def test_the_mask_is_symmetric_and_soft():
    mask = soft_mask(100)[..., 0]
    np.testing.assert_allclose(mask, mask.T)
    np.testing.assert_allclose(mask, mask[::-1], atol=1e-6)
    assert np.abs(np.diff(mask, axis=0)).max() < 0.15 and mask[50, 50] == 1


def test_odd_sides_are_made_even_and_large_photographs_reduced():
    setting = setting_of(np.zeros((301, 4097, 3), np.uint8), ((2000.0, 100.0), 80.0))
    assert setting.size == (2048, 150)
    np.testing.assert_allclose([*setting.square[0], setting.square[1]], np.array([2000, 100, 80]) * 2048 / 4097)
