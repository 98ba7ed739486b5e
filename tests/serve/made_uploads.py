"""Small uploads, sound and broken ones."""

import io

import numpy as np
import soundfile
from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (96, 80), light: int = 128) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (light, light, light // 2)).save(file, kind)
    return file.getvalue()


def sound(seconds: float = 0.2, rate: int = 16_000, kind: str = "WAV", loud: float = 0.3) -> bytes:
    file = io.BytesIO()
    samples = loud * np.sin(np.arange(round(seconds * rate)) * 0.05)
    soundfile.write(file, samples.astype(np.float32), rate, format=kind)
    return file.getvalue()


def form(**changes) -> dict:
    """What `client.post` sends: bytes are files with a bad name; None leaves a field out."""
    given = {"portrait": picture(), "speech": sound(), **changes}
    names = {name: "../../etc/passwd" if isinstance(value, bytes) else None for name, value in given.items()}
    return {"files": {name: (names[name], value) for name, value in given.items() if value is not None}}
