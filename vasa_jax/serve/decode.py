"""A program of its own that turns one upload into numbers: `python -m vasa_jax.serve.decode portrait|speech LIMITS`.

What strangers send goes through decoders written in C. They run here, in a process with little memory and time, which
opens no file: the upload comes in on stdin; out go a line of JSON, {"shape", "dtype", "rate"} or {"error"}, and the
values. Whatever happens to it, the server goes on. Formats that name other files, or that start other programs, are not
known here.
"""

import io
import json
import sys
from typing import Any, BinaryIO, NoReturn

import numpy as np

from vasa_jax.errors import UserError

PICTURES = ("JPEG", "PNG", "WEBP")
SOUNDS = "wav,flac,ogg,mp3,aac,mov,matroska"  # as FFmpeg calls them; matroska is webm, mov is mp4 and m4a
SOUND_DECODERS = (
    "pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_mulaw,pcm_alaw,"
    "flac,vorbis,opus,libopus,mp3,mp3float,aac,alac"
)
MAX_RATE = 48_000


def main(words: list[str]) -> None:
    """Kind, and the numbers that `uploads` gives: for a portrait pixels and side, for speech seconds; then the seconds
    and bytes that this process may take."""
    kind, *limits, seconds, size = words
    _limit_process(int(float(seconds)), int(size))
    data = io.BytesIO(sys.stdin.buffer.read())
    try:
        if kind == "portrait":
            array, rate = portrait(data, *(int(limit) for limit in limits)), None
        else:
            array, rate = speech(data, float(limits[0]))
    except UserError as error:
        _answer({"error": str(error)})
    except MemoryError:
        _answer({"error": f"the {kind} takes too much memory to decode; give a smaller one"})
    _answer({"shape": array.shape, "dtype": array.dtype.str, "rate": rate}, np.ascontiguousarray(array).tobytes())


def portrait(file: BinaryIO, pixels: int, side: int) -> np.ndarray:
    """Upright RGB, uint8 (H, W, 3), the longer side at most `side`.

    Raises:
      UserError: not a picture of PICTURES, damaged, of more pixels than that, or too small.
    """
    from PIL import Image, WebPImagePlugin  # noqa: F401  (which Pillow registers only when asked)

    from vasa_jax.inference.portrait import check_portrait, decode

    Image.MAX_IMAGE_PIXELS = None  # our own limit holds, in a process that reads this one picture
    try:
        image = Image.open(file, formats=PICTURES)
    except Exception as error:  # Pillow's format readers raise what they please on a damaged header
        raise UserError("the portrait is not a picture that can be read; give JPEG, PNG or WebP") from error
    width, height = image.size
    if width * height > pixels:
        limit = f"reduce it to fewer than {pixels // 10**6} million"
        raise UserError(f"the portrait has {width} x {height} pixels; {limit}")
    image.draft("RGB", (side, side))
    return check_portrait(np.asarray(decode(image, "upload", side)))


def speech(file: BinaryIO, seconds: float) -> tuple[np.ndarray, int]:
    """Float32 samples (n,) or (n, 2) and their rate, 48 kHz at most.

    Raises:
      UserError: no sound in a known format, damaged, none at all, or longer than `seconds`.
    """
    import av

    options = {"format_whitelist": SOUNDS, "codec_whitelist": SOUND_DECODERS, "protocol_whitelist": "none"}
    try:
        with av.open(file, options=options) as container:
            if not container.streams.audio:
                raise UserError("the speech has no sound track")
            stream = container.streams.audio[0]
            rate, channels = min(stream.rate, MAX_RATE), 1 if stream.channels == 1 else 2
            resampler = av.AudioResampler("flt", "mono" if channels == 1 else "stereo", rate)
            blocks = _blocks(container, stream, resampler, channels, round(seconds * rate))
    except UserError:
        raise
    except Exception as error:  # FFmpeg's and PyAV's own error types are many
        raise UserError("the speech is not a sound that can be read; give WAV, FLAC, MP3, Ogg, WebM or M4A") from error
    samples = np.concatenate(blocks) if blocks else np.zeros((0, channels), np.float32)
    if len(samples) > seconds * rate:
        raise UserError(f"the speech is longer than {seconds:g} s; give a shorter one")
    return samples[:, 0] if channels == 1 else samples, rate


def _blocks(container: Any, stream: Any, resampler: Any, channels: int, enough: int) -> list[np.ndarray]:
    """Decoded pieces (n, channels) until there are more samples than `enough`."""
    blocks, count = [], 0
    for frame in container.decode(stream):
        for part in resampler.resample(frame):
            blocks.append(part.to_ndarray().reshape(-1, channels))
            count += len(blocks[-1])
        if count > enough:
            return blocks
    return blocks + [part.to_ndarray().reshape(-1, channels) for part in resampler.resample(None)]


def _limit_process(seconds: int, size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's clock alone ends it
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(head: dict[str, Any], values: bytes = b"") -> NoReturn:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + values)
    sys.stdout.buffer.flush()
    raise SystemExit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
