"""Every kind of picture ends as upright RGB, or as one clear line."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.inference import portrait
from vasa_jax.inference.portrait import check_portrait, read_portrait


@pytest.fixture
def saved(tmp_path):
    """Saves a Pillow image and returns its path."""

    def save(image, name, **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def refusal(path):
    with pytest.raises(UserError) as error:
        read_portrait(path)
    assert "\n" not in str(error.value)
    return str(error.value).removesuffix(f": {path}")


def test_rgb_stays_as_it_is(saved, picture):
    np.testing.assert_array_equal(read_portrait(saved(Image.fromarray(picture), "a.png")), picture)


def test_exif_rotation_is_undone(saved, picture):
    turned = Image.fromarray(np.rot90(picture).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise
    np.testing.assert_array_equal(read_portrait(saved(turned, "a.png", exif=exif)), picture)


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_deep_grey_keeps_its_range(saved, picture, kind):
    grey = picture[..., 0]
    values = grey / np.float32(255) if kind is np.float32 else (grey.astype(kind) * 257).astype(kind)
    path = saved(Image.fromarray(values), "a.tiff")
    np.testing.assert_array_equal(read_portrait(path), np.repeat(grey[..., None], 3, 2))


def test_cmyk_and_grey_and_palette(saved, picture):
    image = Image.fromarray(picture)
    for mode, name in (("CMYK", "a.tiff"), ("L", "b.png"), ("P", "c.png"), ("1", "d.png")):
        converted = image.convert(mode)
        expected = np.asarray(converted.convert("RGB"))
        np.testing.assert_array_equal(read_portrait(saved(converted, name)), expected)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_are_grey(saved, mode):
    clear = Image.new("RGBA", (80, 80), (255, 255, 255, 0)).convert(mode)
    options = {"transparency": clear.getpixel((0, 0))} if mode == "P" else {}
    assert (read_portrait(saved(clear, "a.png", **options)) == 128).all()


def test_half_transparent_is_mixed(saved):
    half = Image.new("RGBA", (80, 80), (228, 28, 128, 128))
    np.testing.assert_allclose(read_portrait(saved(half, "a.png"))[0, 0], (178, 78, 128), atol=1)


@pytest.mark.parametrize("name", ["wide.jpg", "wide.png"])
def test_twenty_thousand_pixels_wide(saved, name):
    wide = Image.linear_gradient("L").resize((20_000, 2_000))
    pixels = read_portrait(saved(wide, name))
    assert pixels.shape[1] <= portrait.MAX_SIDE and 9 < pixels.shape[1] / pixels.shape[0] < 11
    assert pixels[0].mean() < 5 and pixels[-1].mean() > 250


def test_too_many_pixels_are_refused_from_the_header(saved, monkeypatch):
    monkeypatch.setattr(portrait, "MAX_PIXELS", 2_000_000)
    path = saved(Image.new("1", (2_000, 2_000)), "a.png")
    assert refusal(path) == "the portrait has 2000 x 2000 pixels; reduce it to fewer than 2 million"


def test_pillows_own_limit_is_left_as_it_was(saved, picture, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    read_portrait(saved(Image.fromarray(picture), "a.png"))
    assert Image.MAX_IMAGE_PIXELS == 1_000_000


def test_pillows_own_limit_outlives_readers_in_many_threads(saved, picture, monkeypatch):
    """The second to begin is the last to end, so one that took the first's limit for Pillow's would leave it."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    path, turns = saved(Image.fromarray(picture), "a.png"), iter((0.1, 0.3))
    plain_open = Image.open

    def slow_open(*arguments):
        time.sleep(next(turns))
        return plain_open(*arguments)

    monkeypatch.setattr(Image, "open", slow_open)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(read_portrait, [path, path]))
    assert Image.MAX_IMAGE_PIXELS == 1_000_000


def test_tiny_is_refused(saved):
    tiny = saved(Image.new("RGB", (100, 63)), "a.png")
    assert refusal(tiny) == "the portrait is 100 x 63 pixels; give one of at least 64 x 64"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff"])
def test_truncated_is_refused(saved, name):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    path = saved(Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(path) in ("the picture is damaged or cut short", "not a picture that can be read")


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n", bytes(1000)])
def test_not_a_picture_is_refused(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert refusal(path) == "not a picture that can be read"


def test_missing_file_and_folder_are_refused(tmp_path):
    assert refusal(tmp_path / "none.png") == refusal(tmp_path) == "no such portrait file"


def test_arrays_are_checked_too(picture):
    assert check_portrait(picture) is picture
    for wrong in (picture / 255, picture[..., 0], np.zeros((80, 80, 4), np.uint8)):
        with pytest.raises(UserError, match="a portrait is a uint8 array"):
            check_portrait(wrong)
