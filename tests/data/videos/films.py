"""Videos to prepare: rendered people who speak, put before a wall at any size, rate and place, with what goes wrong in
real ones."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from PIL import Image

from vasa_jax.data import clips
from vasa_jax.data.synthetic import clip as rendering
from vasa_jax.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

WIDTH, HEIGHT = 640, 360
FACE = 300  # pixels of a rendered frame in a film
TIME_BASE = Fraction(1, 60_000)


def render(assets: Path, number: int, seconds: float = 4.0) -> dict[str, Any]:
    """The record of a rendered talk, as data.clips has it, of about so many seconds; other numbers show others."""
    settings = rendering.Settings(str(assets), 256, 1, identities=4, range_frames=0, talk=4, max_seconds=seconds)
    plan = rendering.plans(settings, "train")[number]
    return rendering.make(settings, plan)


def pictures(record: dict[str, Any], face: int = FACE) -> np.ndarray:
    """(T, face, face, 3) uint8."""
    frames = clips.decode_frames(record, range(len(record["frames"])))
    return np.stack([np.asarray(Image.fromarray(frame).resize((face, face))) for frame in frames])


def wall(width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> np.ndarray:
    colours = np.random.default_rng(seed).integers(60, 160, (9, 16, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(colours).resize((width, height)))


def scene(
    faces: np.ndarray, rate: float = FPS, place: tuple[int, int] = (170, 30), behind: np.ndarray | None = None
) -> list[np.ndarray]:
    """Frames at `rate` with what shows faces (T, F, F, 3) at 25 a second before a wall or other frames."""
    height, width = faces.shape[1:3]
    found = []
    for index in range(int(len(faces) / FPS * rate + 1e-6)):
        frame = (wall() if behind is None else behind[index] if behind.ndim == 4 else behind).copy()
        frame[place[1] : place[1] + height, place[0] : place[0] + width] = faces[int(index / rate * FPS + 1e-6)]
        found.append(frame)
    return found


def write(
    path: Path,
    frames: Sequence[np.ndarray],
    audio: np.ndarray | None,
    rate: Fraction | int = FPS,
    times: Sequence[float] | None = None,
    sound_rate: int = 44_100,
    sound_start: float = 0.0,
    codec: str = "h264",
    pixels: str = "yuv420p",
    **options: str,
) -> Path:
    """A video file of frames (H, W, 3) and sound at 16 kHz.

    Args:
      times: seconds at which the frames are shown; at `rate` if None.
      sound_start: seconds by which the sound is written late.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"crf": "16", "preset": "ultrafast", **options} if codec == "h264" else options
    with av.open(path, "w") as container:
        video = container.add_stream(codec, rate=rate, options=options)
        video.height, video.width, video.pix_fmt = *frames[0].shape[:2], pixels
        video.codec_context.time_base = TIME_BASE
        track = None if audio is None else container.add_stream("aac", rate=sound_rate, layout="mono")
        for index, pixel in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixel), format="rgb24")
            shown = index / float(rate) if times is None else times[index]
            frame.pts, frame.time_base = round(shown / TIME_BASE), TIME_BASE
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if track is not None:
            heard = soxr.resample(audio.astype(np.float32), SAMPLE_RATE, sound_rate)
            sound = av.AudioFrame.from_ndarray(heard[None], format="fltp", layout="mono")
            sound.sample_rate, sound.time_base = sound_rate, Fraction(1, sound_rate)
            sound.pts = round(sound_start * sound_rate)
            container.mux(track.encode(sound))
            container.mux(track.encode(None))
    return path


def silence(frames: int) -> np.ndarray:
    return np.zeros(frames * SAMPLES_PER_FRAME, np.float32)


def chords(frames: int) -> np.ndarray:
    """Music: a chord that changes every second."""
    time = np.arange(frames * SAMPLES_PER_FRAME) / SAMPLE_RATE
    roots = 220.0 * 2 ** (np.array([0, 5, 7, 3])[(time.astype(int)) % 4] / 12)
    return (0.2 * sum(np.sin(2 * np.pi * roots * step * time) for step in (1, 1.25, 1.5, 2))).astype(np.float32)
