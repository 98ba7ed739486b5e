"""The face is found, framed as in training, and squares may leave the picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.inference.crop import (
    CENTRE_SHIFT,
    FACE_BOX_TO_SIDE,
    crop_centre,
    crop_face,
    cut_square,
    largest_face,
)
from vasa_jax.inference.media_warning import MediaWarning

# A rendered head of the synthetic data set with a margin: canonical origin at (160, 169.6), canonical side
# 198.4.
FACE = Path(__file__).parent / "face.jpg"
FACE_SQUARE = (160.0, 169.6, 198.4)


@pytest.fixture(scope="module")
def face():
    return np.asarray(Image.open(FACE))


def framed(pixels):
    """Centre and side of the square that a portrait is cropped to."""
    x, y, side = largest_face(pixels)
    return x + CENTRE_SHIFT[0] * side, y + CENTRE_SHIFT[1] * side, FACE_BOX_TO_SIDE * side


def assert_near(square, expected):
    """Within a tenth of the side: faces differ, the detector's box does not measure them exactly."""
    np.testing.assert_allclose(square, expected, atol=0.1 * expected[2])


@pytest.mark.parametrize("size", [100, 320, 1500])
def test_face_of_any_size_is_framed_as_in_training(face, size):
    resized = np.asarray(Image.fromarray(face).resize((size, size)))
    assert_near(framed(resized), [v * size / 320 for v in FACE_SQUARE])
    assert crop_face(resized, 128).shape == (128, 128, 3)


def test_small_face_in_a_large_picture(face):
    wide = np.full((1200, 2000, 3), 90, np.uint8)
    wide[700:900, 1500:1700] = np.asarray(Image.fromarray(face).resize((200, 200)))
    x, y, side = (v * 200 / 320 for v in FACE_SQUARE)
    assert_near(framed(wide), (1500 + x, 700 + y, side))


def test_the_crop_of_a_crop_is_nearly_itself(face):
    first = crop_face(face, 256)
    assert_near(framed(first), (128, 128, 256))


def test_largest_of_several_is_taken_with_a_warning(face):
    two = np.full((320, 560, 3), 90, np.uint8)
    two[:, :320] = face
    two[40:280, 320:] = np.asarray(Image.fromarray(face).resize((240, 240)))
    with pytest.warns(MediaWarning, match="2 faces in the portrait; the largest is taken"):
        assert_near(framed(two), FACE_SQUARE)


def test_no_face_suggests_what_to_do():
    with pytest.raises(UserError, match=r"no face was found in the portrait; .* --no_crop"):
        crop_face(np.full((300, 200, 3), 127, np.uint8), 64)


def test_square_inside_is_the_picture_itself(picture):
    np.testing.assert_array_equal(cut_square(picture, (60.0, 40.0), 20.0, 20), picture[30:50, 50:70])


def test_square_outside_repeats_the_edge(picture):
    square = cut_square(picture, (0.0, 0.0), 20.0, 20)
    np.testing.assert_array_equal(square[10:, 10:], picture[:10, :10])
    np.testing.assert_array_equal(square[:10, 10:], np.repeat(picture[:1, :10], 10, 0))


def test_centre_square(picture):
    np.testing.assert_array_equal(crop_centre(picture, 90), picture[:, 15:105])


@pytest.mark.slow
def test_the_constants_are_those_of_rendered_heads(assets):
    """Measures the square of other identities again; the mean of few is not the mean of all."""
    pytest.importorskip("moderngl")
    from vasa_jax.data.synthetic.clip import Settings
    from vasa_jax.data.synthetic.portrait import portrait

    try:
        heads = [portrait(Settings(str(assets)), "test", k, size=256) for k in range(4)]
    except UserError as error:
        pytest.skip(str(error))
    squares = np.array([framed(head) for head in heads])
    np.testing.assert_allclose(squares.mean(0), (128, 128 * 1.06, 0.62 * 256), atol=0.08 * 0.62 * 256)
