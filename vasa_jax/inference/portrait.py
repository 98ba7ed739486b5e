"""Portraits in: any picture that Pillow reads becomes upright 8-bit RGB of a bounded size.

What pictures from cameras, editors and the web bring along is settled here: EXIF rotation, 16 bits, CMYK,
palettes, transparency, enormous sizes, files cut short. The rest of the package sees only uint8 arrays of
shape (height, width, 3).
"""

import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from vasa_jax.errors import UserError

MIN_SIDE = 64
MAX_SIDE = 4096
MAX_PIXELS = 300_000_000
NEUTRAL_GREY = (128, 128, 128)
_PILLOWS_LIMIT = threading.Lock()


def read_portrait(path: str | Path) -> UInt8[np.ndarray, "height width 3"]:
    """Read a picture as upright RGB.

    Pictures with a longer side than MAX_SIDE are reduced to it, JPEG files while they are decoded.
    Transparent parts are laid over neutral grey. Of an animation the first frame is taken.

    Raises:
      UserError: the file is missing, not a picture, cut short, smaller than MIN_SIDE or larger than
      MAX_PIXELS.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no such portrait file: {path}")
    with _own_size_limit(), _open(path) as image:
        _check_size(image, path)
        image.draft("RGB", (MAX_SIDE, MAX_SIDE))
        pixels = np.asarray(decode(image, str(path)))
    return check_portrait(pixels)


def check_portrait(pixels: np.ndarray) -> UInt8[np.ndarray, "height width 3"]:
    """The picture itself if it is uint8 RGB with sides of MIN_SIDE or more; UserError otherwise."""
    shape = np.shape(pixels)
    if len(shape) != 3 or shape[2] != 3 or np.asarray(pixels).dtype != np.uint8:
        raise UserError(f"a portrait is a uint8 array (height, width, 3), not {np.asarray(pixels).dtype} {shape}")
    if min(shape[:2]) < MIN_SIDE:
        raise UserError(f"the portrait is {shape[1]} x {shape[0]} pixels; give one of at least {MIN_SIDE} x {MIN_SIDE}")
    return pixels


@contextmanager
def _own_size_limit():
    """Pillow's limit on pixels is global and below what scanners produce; ours stands in while we read.

    One reader at a time: a second one in another thread would take our limit for Pillow's and leave it behind.
    """
    with _PILLOWS_LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except PermissionError as error:
        raise UserError(f"the portrait file may not be read: {path}") from error
    except Exception as error:  # Pillow's format readers raise what they please on a damaged header
        raise UserError(f"not a picture that can be read: {path}") from error


def _check_size(image: Image.Image, path: Path) -> None:
    """From the header alone, before memory is spent on pixels."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        limit = f"reduce it to fewer than {MAX_PIXELS // 10**6} million"
        raise UserError(f"the portrait has {width} x {height} pixels; {limit}: {path}")


def decode(image: Image.Image, name: str, side: int = MAX_SIDE) -> Image.Image:
    """An opened picture upright, in RGB, its longer side at most `side`; UserError with its name if it is damaged."""
    try:
        image.thumbnail((side, side), Image.Resampling.BOX)
        return _to_rgb(_upright(image))
    except Exception as error:  # as above: the decoders' own error types are many
        raise UserError(f"the picture is damaged or cut short: {name}") from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF says nothing about the pixels
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        return _deep_grey_to_rgb(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (*NEUTRAL_GREY, 255))
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """Integers have 16 bits; floats the range of the smallest of 1, 255, 65535 that holds them all."""
    values = np.nan_to_num(np.asarray(image, np.float32))
    top = 65535.0 if image.mode != "F" or values.max() > 255 else 255.0 if values.max() > 1 else 1.0
    grey = np.clip(values / top * 255 + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
