"""A file's frames as the reader needs them: small, and only how bright they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.types import FPS

MAX_SIDE = 192
MAX_FRAMES = 60 * FPS
MAX_PIXELS = 2**26
BRIGHTNESS = (0.2126, 0.7152, 0.0722)  # of red, green and blue, ITU-R BT.709


@dataclass(frozen=True)
class Thumbnails:
    """Frames of at most MAX_SIDE pixels a side.

    Attributes:
      frames: (T, H, W) brightness in levels of 255.
      numbers: (T,) which frame at 25 a second each is, by its time stamp.
      is_video: several frames, or a still.
    """

    frames: Float[np.ndarray, "time height width"]
    numbers: Int[np.ndarray, " time"]
    is_video: bool


def from_frames(frames: Iterable[np.ndarray], is_video: bool = True) -> Thumbnails:
    """Of uint8 frames (H, W, 3) at 25 a second."""
    reduced = np.stack([_reduced(frame) for frame in frames])
    return Thumbnails(reduced, np.arange(len(reduced)), is_video)


def read_thumbnails(path: str | Path) -> Thumbnails:
    """Of a picture or of the first minute of a video.

    Raises:
      UserError: there is no such file, or it is neither.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no such file: {path}")
    still = _read_still(path)
    return _read_video(path) if still is None else from_frames([still], is_video=False)


def _read_still(path: Path) -> np.ndarray | None:
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(f"the picture has more than {MAX_PIXELS} pixels: {path}")
            return np.asarray(image.convert("RGB"))
    except Image.UnidentifiedImageError:
        return None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"the picture is damaged or cut short: {path}") from error


def _read_video(path: Path) -> Thumbnails:
    import av

    frames, numbers = [], []
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for index, frame in enumerate(container.decode(stream)):
                numbers.append(index if frame.time is None else round(frame.time * FPS))
                frames.append(_reduced(frame.to_ndarray(format="rgb24")))
                if len(frames) == MAX_FRAMES:
                    break
    except (av.FFmpegError, IndexError, ValueError, OSError) as error:
        if not frames:
            raise UserError(f"neither a picture nor a video that can be read: {path}") from error
    if not frames:
        raise UserError(f"there is no picture in: {path}")
    return Thumbnails(np.stack(frames), np.array(numbers), is_video=len(frames) > 1)


def _reduced(pixels: np.ndarray) -> np.ndarray:
    image = Image.fromarray((pixels[..., :3] @ np.array(BRIGHTNESS, np.float32)).astype(np.float32))
    zoom = MAX_SIDE / max(image.size)
    if zoom < 1:
        size = tuple(max(round(side * zoom), 1) for side in image.size)
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image, np.float64)
