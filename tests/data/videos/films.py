"""Videos to prepare: rendered people who speak, put before a wall at any size, rate and place, with what goes wrong in
real ones."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vasa_jax.data import clips
from vasa_jax.data.synthetic import clip as rendering
from vasa_jax.data.synthetic.film import chords, hung, write
from vasa_jax.data.synthetic.film import wall as any_wall
from vasa_jax.types import FPS, SAMPLES_PER_FRAME

__all__ = ["chords", "pictures", "render", "scene", "silence", "wall", "write"]

WIDTH, HEIGHT = 640, 360
FACE = 300  # pixels of a rendered frame in a film


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
    return any_wall(width, height, seed)


def scene(
    faces: np.ndarray, rate: float = FPS, place: tuple[int, int] = (170, 30), behind: np.ndarray | None = None
) -> list[np.ndarray]:
    """Frames at `rate` with what shows faces (T, F, F, 3) at 25 a second, the nearest in time, before a wall."""
    times = np.arange(int(len(faces) / FPS * rate + 1e-6)) / rate
    nearest = np.minimum(np.round(times * FPS).astype(int), len(faces) - 1)
    return hung(faces[nearest], wall() if behind is None else behind, place)


def silence(frames: int) -> np.ndarray:
    return np.zeros(frames * SAMPLES_PER_FRAME, np.float32)
