"""A still out: one frame to a PNG or JPEG file that appears whole or not at all."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vasa_jax.inference.output_file import STILL_ENDINGS, check_target, whole_file

JPEG_QUALITY = 95


def write_still(path: str | Path, frame: UInt8[np.ndarray, "side side 3"], size: int) -> None:
    """Write a frame, resized to `size` by a Lanczos filter where its side differs.

    Args:
      path: ends in .png, .jpg or .jpeg.

    Raises:
      UserError: the file cannot be written; nothing is left of it then.
    """
    target = check_target(path, STILL_ENDINGS)
    image = Image.fromarray(frame).resize((size, size), Image.Resampling.LANCZOS)
    with whole_file(target) as hidden:
        image.save(hidden, quality=JPEG_QUALITY)
