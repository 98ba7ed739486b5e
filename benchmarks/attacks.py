"""What is done to a marked clip before its mark is looked for."""

import io
import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from PIL import Image

from vasa_jax.inference.video_file import H264_OPTIONS
from vasa_jax.pixels import from_uint8, to_uint8
from vasa_jax.provenance.mark.payload import Payload
from vasa_jax.provenance.mark.writer import Mark, put_mark
from vasa_jax.types import FPS

Attack = Callable[[np.ndarray], np.ndarray]
BATCH = 8


def encoded(frames: np.ndarray, crf: int = int(H264_OPTIONS["crf"])) -> np.ndarray:
    """Through h264 and back, uint8 (T, H, W, 3) of even sides."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=FPS, options={**H264_OPTIONS, "crf": str(crf)})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def resized(frames: np.ndarray, size: int) -> np.ndarray:
    if frames.shape[1] == size:
        return frames
    return np.stack([np.asarray(Image.fromarray(f).resize((size, size), Image.Resampling.LANCZOS)) for f in frames])


def cropped(frames: np.ndarray) -> np.ndarray:
    """A fifth of each side away, more of it at the top and the left."""
    size = frames.shape[1]
    kept = round(size * 0.8 / 2) * 2
    start = round((size - kept) * 0.6)
    return frames[:, start : start + kept, start : start + kept]


def brighter(frames: np.ndarray) -> np.ndarray:
    return np.clip(frames.astype(np.float32) * 1.25 + 10, 0, 255).astype(np.uint8)


ATTACKS: dict[str, Attack] = {
    "none": lambda frames: frames,
    "h264 at crf 28": lambda frames: encoded(frames, 28),
    "twice: crf 28, then 28": lambda frames: encoded(encoded(frames, 28), 28),
    "half the size": lambda frames: encoded(resized(frames, frames.shape[1] // 2), 23),
    "a fifth cropped": lambda frames: encoded(cropped(frames), 23),
    "brighter": lambda frames: encoded(brighter(frames), 23),
    "25 frames": lambda frames: encoded(frames[17:42], 23),
    "25 frames at crf 28": lambda frames: encoded(frames[17:42], 28),
    "half, cropped, crf 28": lambda frames: encoded(cropped(resized(frames, frames.shape[1] // 2)), 28),
}


def marked(frames: np.ndarray, payload: Payload) -> np.ndarray:
    """As the animator's program marks, in the same arithmetic."""
    mark = Mark.of(payload, frames.shape[1])
    pattern, done = jnp.asarray(mark.pattern), []
    for start in range(0, len(frames), BATCH):
        batch = frames[start : start + BATCH]
        signs = jnp.asarray(mark.signs(start, len(batch)))
        done.append(np.asarray(to_uint8(put_mark(from_uint8(batch), pattern, signs))))
    return np.concatenate(done)


def distance(frames: np.ndarray, others: np.ndarray) -> float:
    """PSNR in dB."""
    return 10 * math.log10(255**2 / ((frames.astype(np.float64) - others) ** 2).mean())
