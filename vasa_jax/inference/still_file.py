"""A still out: one frame to a PNG or JPEG file that appears whole or not at all, labelled and signed."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vasa_jax.inference.output_file import STILL_ENDINGS, check_target, whole_file
from vasa_jax.provenance.label import DEFAULT, Label, draw, resized
from vasa_jax.provenance.plain_fields import xmp
from vasa_jax.provenance.record import Record, unknown
from vasa_jax.provenance.seal import seal
from vasa_jax.provenance.signing_key import SigningKey

JPEG_QUALITY = 95


def write_still(
    path: str | Path,
    frame: UInt8[np.ndarray, "side side 3"],
    size: int,
    *,
    label: Label = DEFAULT,
    record: Record | None = None,
    key: SigningKey | None = None,
) -> None:
    """Write a frame, resized to `size` by a Lanczos filter where its side differs.

    Args:
      path: ends in .png, .jpg or .jpeg.
      label, record, key: see `video_file.write_video`.

    Raises:
      UserError: the file cannot be written; nothing is left of it then.
    """
    target = check_target(path, STILL_ENDINGS)
    record = record or unknown()
    frame = resized(frame, (size, size))
    image = Image.fromarray(draw(frame, label, words=True) if label.is_shown else frame)
    packet, in_png = xmp(record, label.words), PngInfo()
    in_png.add_itxt("XML:com.adobe.xmp", packet.decode())
    with whole_file(target) as hidden:
        if target.suffix.lower() == ".png":
            image.save(hidden, pnginfo=in_png)
        else:
            image.save(hidden, quality=JPEG_QUALITY, xmp=packet)
        seal(hidden, record, label, key)
