"""Rendered people in video files, as cameras see them: at any rate, size and place, in any codec, before a wall."""

import dataclasses
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from jaxtyping import Float, Float32, UInt8
from PIL import Image

from vasa_jax.data.synthetic import clip, eyes
from vasa_jax.data.synthetic.head_model import HeadModel
from vasa_jax.data.synthetic.performance import Performance
from vasa_jax.data.synthetic.person import Person
from vasa_jax.data.synthetic.renderer import View
from vasa_jax.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

TIME_BASE = Fraction(1, 60_000)
Rate = Fraction | int


def shoot(
    settings: clip.Settings, plan: clip.Plan, rate: Rate, turn: float = 0.0
) -> UInt8[np.ndarray, "n side side 3"]:
    """What a camera of `rate` frames a second makes of a clip, each picture drawn for its own time.

    Args:
      turn: radians that are added to the yaw of the head.
    """
    renderer, person, acts, _, _ = clip.stage(settings, plan)
    acts = dataclasses.replace(acts, rotation=acts.rotation + np.array([turn, 0.0, 0.0]))
    return np.stack([image for image, _ in clip.draw(renderer, person, at_rate(acts, rate))])


def exact(settings: clip.Settings, plan: clip.Plan) -> dict[str, Any]:
    """The record of a clip without its frames: sound, and labels 25 a second."""
    renderer, person, acts, audio, phones = clip.stage(settings, plan)
    landmarks = landmarks_of(renderer.model, person, acts)
    return {**clip.about(plan, audio, phones), **clip.labels(acts, person.lips), "landmarks": landmarks}


def landmarks_of(model: HeadModel, person: Person, acts: Performance) -> Float32[np.ndarray, "time 68 2"]:
    """Where the 68 points are, without drawing them."""
    found = []
    for t in range(len(acts.expression)):
        points = (person.vertices + model.expression(acts.expression[t : t + 1])[0])[model.landmarks]
        found.append(clip.project(points, View(eyes.rotation(*acts.rotation[t]), acts.place[t], acts.body[t])))
    return np.stack(found).astype(np.float32)


def at_rate(acts: Performance, rate: Rate) -> Performance:
    """A performance at another rate: between two frames each number moves straight on; the last one holds."""
    count = len(acts.expression)
    times = np.minimum(np.arange(int(count * rate / FPS)) * float(FPS / Fraction(rate)), count - 1)
    before, part = times.astype(int), (times % 1)[:, None]
    behind = np.minimum(before + 1, count - 1)
    moved = {
        field.name: (1 - part) * getattr(acts, field.name)[before] + part * getattr(acts, field.name)[behind]
        for field in dataclasses.fields(acts)
        if field.name != "emotion"
    }
    return dataclasses.replace(acts, **moved)


def wall(width: int, height: int, seed: int = 0) -> UInt8[np.ndarray, "{height} {width} 3"]:
    """Soft patches of grey and colour."""
    colours = np.random.default_rng(seed).integers(60, 160, (9, 16, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(colours).resize((width, height)))


def hung(
    images: Iterable[np.ndarray], behind: UInt8[np.ndarray, "height width 3"], place: tuple[int, int]
) -> list[np.ndarray]:
    """Pictures before a wall, their left upper corners at `place` (x, y) in pixels; what is outside is cut off."""
    found = []
    for image in images:
        frame, (x, y) = behind.copy(), place
        shown = image[max(-y, 0) : behind.shape[0] - y, max(-x, 0) : behind.shape[1] - x]
        x, y = max(x, 0), max(y, 0)
        frame[y : y + shown.shape[0], x : x + shown.shape[1]] = shown
        found.append(frame)
    return found


def write(
    path: Path,
    frames: Iterable[np.ndarray],
    audio: Float[np.ndarray, " samples"] | None,
    rate: Rate = FPS,
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
      options: of the codec.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"crf": "16", "preset": "ultrafast", **options} if codec == "h264" else options
    with av.open(path, "w") as container:
        video = container.add_stream(codec, rate=rate, options=options)
        video.pix_fmt, video.codec_context.time_base = pixels, TIME_BASE
        track = None if audio is None else container.add_stream("aac", rate=sound_rate, layout="mono")
        for index, pixel in enumerate(frames):
            if not index:
                video.height, video.width = pixel.shape[:2]
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


def chords(frames: int) -> Float32[np.ndarray, " samples"]:
    """Music: a chord that changes every second."""
    time = np.arange(frames * SAMPLES_PER_FRAME) / SAMPLE_RATE
    roots = 220.0 * 2 ** (np.array([0, 5, 7, 3])[(time.astype(int)) % 4] / 12)
    return (0.2 * sum(np.sin(2 * np.pi * roots * step * time) for step in (1, 1.25, 1.5, 2))).astype(np.float32)
