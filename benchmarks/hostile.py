"""Uploads that mean no good, of every kind that the server should withstand: `made(count)`, the same ones each time."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import soundfile
from PIL import Image

BROKEN = "broken at random"
Make = Callable[[], bytes]
NAMES = ("me.png", "../../etc/passwd", "/etc/passwd", "..\\..\\x", "x" * 300, "'; rm -rf /", "C:\\x.png", "%00%2e%2e")


def picture(kind: str = "PNG", side: int = 96) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)
    Image.fromarray(noise).save(file, kind)
    return file.getvalue()


def sound(kind: str = "WAV", seconds: float = 0.5) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, 0.2 * np.sin(np.arange(round(16_000 * seconds)) * 0.05), 16_000, format=kind)
    return file.getvalue()


def png(width: int, height: int, rows: int, squeezed: int = 9) -> bytes:
    """A grey PNG that says so large and holds so many rows of nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer, packed = zlib.compressobj(squeezed), b""
    for _ in range(rows):
        packed += packer.compress(bytes(width + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed + packer.flush()) + chunk(b"IEND", b"")


def wav(rate: int, channels: int, bits: int, said: int, held: int) -> bytes:
    """A WAV that says so many bytes of sound and holds others."""
    frame = channels * bits // 8
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", said + 36 & 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, channels, rate,
                       rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits)  # fmt: skip
    return head + struct.pack("<4sI", b"data", said & 0xFFFFFFFF) + bytes(held)


def broken(whole: bytes, rng: np.random.Generator) -> bytes:
    """Cut short, or with bytes changed, doubled or left out."""
    data = np.frombuffer(whole, np.uint8).copy()
    way = rng.integers(4)
    if way == 0:
        return data[: rng.integers(1, len(data))].tobytes()
    places = rng.integers(0, len(data), max(1, len(data) // 200))
    if way == 1:
        data[places] = rng.integers(0, 256, len(places))
        return data.tobytes()
    first, last = sorted(rng.integers(0, len(data), 2))
    middle = whole[first:last] * 2 if way == 2 else b""
    return whole[:first] + middle + whole[last:]


def listed() -> Iterator[tuple[str, Make | None, Make | None]]:
    """Kind, and what makes portrait and speech; None stands for a sound one."""
    yield "png of 60000 x 60000 in its header", lambda: png(60_000, 60_000, 1), None
    yield "png of 2^31 x 2^31", lambda: png(2**31 - 1, 2**31 - 1, 0), None
    yield "png bomb, 7000 x 7000 of nothing", lambda: png(7_000, 7_000, 7_000), None
    yield "png bomb beyond its size", lambda: png(200, 200, 200_000), None
    yield "png without rows", lambda: png(500, 500, 0), None
    yield "png of no size", lambda: png(0, 0, 0), None
    yield "png, 1 pixel high", lambda: png(60_000, 1, 1), None
    yield "svg that reads a file", lambda: b'<svg><image href="file:///etc/passwd"/></svg>', None
    yield "postscript", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 500 500\n(/etc/passwd) (r) file\n", None
    yield "tiff", lambda: b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(500), None
    yield "zip", lambda: b"PK\x03\x04" + bytes(500), None
    yield "a path", lambda: b"/etc/passwd", lambda: b"/etc/passwd"
    yield "program", lambda: b"\x7fELF" + bytes(500), lambda: b"\x7fELF" + bytes(500)
    yield "nothing", lambda: b"", lambda: b""
    yield "one byte", lambda: b"\x89", lambda: b"R"
    yield "16 MB of noise", lambda: np.random.default_rng(1).bytes(16 * 2**20), None
    yield "17 MB", lambda: bytes(17 * 2**20), None
    yield "33 MB of sound", None, lambda: bytes(33 * 2**20)
    yield "80 MB", lambda: bytes(80 * 2**20), None
    yield (
        "playlist of a file",
        None,
        lambda: b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    )
    yield "playlist of an address", None, lambda: b"#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/x.wav\n#EXT-X-ENDLIST\n"
    yield "list of files", None, lambda: b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield (
        "session description",
        None,
        lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    )
    yield "wav that says 4 GB", None, lambda: wav(16_000, 1, 16, 0xFFFFFFFF, 3200)
    yield "wav of 65535 channels", None, lambda: wav(16_000, 65_535, 16, 131_070, 131_070)
    yield "wav at 4 GHz", None, lambda: wav(0xFFFFFFFF, 1, 16, 3200, 3200)
    yield "wav at 0 Hz", None, lambda: wav(0, 1, 16, 3200, 3200)
    yield "wav of 0 bits", None, lambda: wav(16_000, 1, 0, 3200, 3200)
    yield "an hour of nothing in flac", None, lambda: sound("FLAC", 3600.0)
    yield "a minute and a half", None, lambda: sound("WAV", 90.0)
    yield "picture and sound exchanged", sound, picture
    yield "sound with NaN", None, wav_of_nan


def wav_of_nan() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.full(16_000, np.nan, np.float32), 16_000, format="WAV", subtype="FLOAT")
    return file.getvalue()


def made(count: int, kinds: tuple[str, ...] | None = None) -> Iterator[tuple[str, str, bytes, bytes]]:
    """Kind, file name, portrait and speech: those listed, then broken ones, under bad names all along; if kinds are
    named, of those alone."""
    rng = np.random.default_rng(7)
    pictures = [picture(kind) for kind in ("PNG", "JPEG", "WEBP")]
    sounds = [sound(kind) for kind in ("WAV", "FLAC", "OGG", "MP3")]
    known = list(listed())
    known += [(BROKEN, None, None)] * (count - len(known))
    for number, (kind, portrait, speech) in enumerate(known[:count]):
        if kinds is not None and kind not in kinds:
            continue
        pair = [pictures[0] if portrait is None else portrait(), sounds[0] if speech is None else speech()]
        if kind == BROKEN:
            files = (pictures, sounds)[number % 2]
            pair[number % 2] = broken(files[rng.integers(len(files))], rng)
        yield kind, NAMES[number % len(NAMES)], *pair
