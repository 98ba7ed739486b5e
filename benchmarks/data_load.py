"""What benchmarks.data times: the input pipeline on a set that is made for the purpose."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PAIRS = "face, pairs"
PEOPLE = 16  # in a batch, as in configs/face_paper.py
RENDERER = 0.62  # TFLOP of one drawing at 512 x 512 (MegaPortraits' renderer), over nine tenths of a frame's cost
SHARE = 0.9
DRAWINGS = 3  # of a person: the driver, itself by its own appearance, in a stranger's motion
BACKWARD = 3  # forward and backward over forward


def operations() -> float:
    """TFLOP a person: what the renderer draws and the rest of its frames, forward and backward.

    The other networks of the step (encoders, the refiner, judges, the critic) and what is computed again to save memory
    are left out, so the true step is longer and asks for less data.
    """
    return BACKWARD * DRAWINGS * RENDERER / SHARE


def measure(folder: Path, batches: int, threads: int) -> tuple[list[list[str]], dict[str, float], float]:
    """Rows of the table, processor seconds of an image by the name of the data, and megabytes of a clip's frames."""
    from benchmarks.timing import figure
    from vasa_jax.data import clips, pipeline

    source = clips.open_clips(folder, "train")
    encoded = source[0]["frames"]
    size = Image.open(io.BytesIO(encoded[0])).size[0]
    pairs = pipeline.FacePairs(1, 0.35, size, candidates=3)
    half = pipeline.FacePairs(1, 0.35, size // 2, candidates=3)
    works = {
        PAIRS: (pairs, 2, size),
        "face, pairs at half the size": (half, 2, size // 2),
        "face, four drivers": (pipeline.FacePairs(4, 0.35, size, candidates=3), 5, size),
        "encoders, three frames": (pipeline.Singles(3), 3, size),
    }
    rows, costs = [], {}
    for name, (sample, images, side) in works.items():
        drawn = iter(pipeline.batches(source, sample, pipeline.Reading(PEOPLE, threads=threads)))
        next(drawn)
        processor, clock = time.process_time(), time.perf_counter()
        for _ in range(batches):
            next(drawn)
        count = batches * PEOPLE * images
        costs[name] = (time.process_time() - processor) / count
        passed = (time.perf_counter() - clock) / count
        cells = [f"{name}, {side} pixels", str(images), *map(figure, (1e3 * costs[name], 1 / costs[name], 1 / passed))]
        rows.append(cells)
    return rows, costs, sum(map(len, encoded)) / 1e6


def make_set(folder: Path, size: int, frames: int, count: int) -> Path:
    """A clip set of the bundled portrait in motion."""
    from vasa_jax import pretrained
    from vasa_jax.data import array_records, clips

    portrait = Image.open(pretrained.portrait()).convert("RGB").resize((size + 32, size + 32), Image.Resampling.LANCZOS)
    pixels = np.asarray(portrait, np.float32)

    def records() -> Iterator[tuple[str, dict[str, Any]]]:
        for index in range(count):
            yield f"clip{index}", record(pixels, size, frames, index)

    array_records.write_set(folder, "benchmark", clips.clip_features(size), {"train": records()})
    return folder


def record(pixels: np.ndarray, size: int, frames: int, index: int) -> dict[str, Any]:
    """A clip whose labels are as many as true ones, and as good as noise."""
    from vasa_jax.data import clips
    from vasa_jax.types import EMOTIONS, POSE_SIZE, SAMPLES_PER_FRAME

    generator = np.random.default_rng(index)
    shapes = {"pose": (POSE_SIZE,), "gaze": (2,), "expression": (clips.EXPRESSION_SIZE,), "distance": ()}
    shapes |= {"landmarks": (clips.LANDMARKS, 2), "lip_opening": ()}
    labels = {name: generator.normal(size=(frames, *shape)).astype(np.float32) * 0.2 for name, shape in shapes.items()}
    return {
        **dict.fromkeys(("speaker", "text"), ""),
        **labels,
        "clip": f"clip{index}",
        "identity": f"person{index}",
        "kind": "talk",
        "frames": [encode(pixels, size, generator) for _ in range(frames)],
        "audio": generator.normal(size=frames * SAMPLES_PER_FRAME).astype(np.float32) * 0.1,
        "emotion": np.zeros(len(EMOTIONS), np.float32),
        "phones": {"label": [], "start": [], "end": []},
    }


def encode(pixels: np.ndarray, size: int, generator: np.random.Generator) -> bytes:
    """JPEG of quality 95 with full colour, as the clips' frames are."""
    down, right = generator.integers(0, 32, 2)
    grain = generator.normal(0, 2, (size, size, 1))
    frame = np.clip(pixels[down : down + size, right : right + size] + grain, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()
