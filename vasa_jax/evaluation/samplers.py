"""Samplers and the few-step student beside the 50-step teacher, on whole held-out clips, read from the motion itself.

    python -m vasa_jax.evaluation.samplers --motion vasa_jax/pretrained --student runs/student_tiny \\
        --data data/motion_tiny --split test --out samplers.md

Per way the lips' correlation with the truth, with the own and another clip's speech, how often and how far the lids
close, how much head and face move, and the Frechet distance to the training clips; all with inference's guidance and
the clips' own controls.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vasa_jax.data import clips, motion_set, windows
from vasa_jax.errors import leave_on_mistake
from vasa_jax.evaluation import signals
from vasa_jax.evaluation.motion_measures import LinearReading, MotionSpace, amounts, correlation
from vasa_jax.motion import Sampling, Statistics, build_motion, make_sampler
from vasa_jax.room_weights import load_room

WAYS = (Sampling(), Sampling(10), Sampling(20, "dpm"), Sampling(10, "dpm"), Sampling(4), Sampling(4, "dpm"))
COLUMNS = {
    "lips": "lips", "lips_swapped": "another's speech", "blinks": "blinks a minute", "lids": "lids in a blink",
    "pose_change": "dP, degrees", "dynamics_spread": "z_dyn spread", "frechet": "Frechet distance",
}  # fmt: skip
REFERENCE = 128  # most training clips


@dataclasses.dataclass(frozen=True)
class Clips:
    """Encoded clips, filled up to one length: motion (B, T, M), standardised, audio (B, T, F), lip_opening (B, T);
    length (B,); gaze (B, 2), distance (B, 1), emotion (B, 6)."""

    motion: np.ndarray
    audio: np.ndarray
    lip_opening: np.ndarray
    length: np.ndarray
    gaze: np.ndarray
    distance: np.ndarray
    emotion: np.ndarray

    @classmethod
    def read(cls, folder: str | Path, split: str, statistics: Statistics, most: int | None = None) -> "Clips":
        source = clips.open_clips(folder, split)
        chosen = range(min(len(source), most or len(source)))
        records = [windows.motion_of(source[i], statistics.mean, statistics.std) for i in chosen]
        length = np.array([len(record["motion"]) for record in records], np.int32)

        def filled(name: str) -> np.ndarray:
            spare = [[(0, length.max() - n)] + [(0, 0)] * (records[0][name].ndim - 1) for n in length]
            return np.stack([np.pad(record[name], more) for record, more in zip(records, spare, strict=True)])

        series = {name: filled(name) for name in ("motion", "audio", "lip_opening")}
        steady = {name: np.stack([record[name] for record in records]) for name in ("gaze", "distance", "emotion")}
        return cls(length=length, **series, **steady)


def measure(
    model: Any, params: Any, sampling: Sampling, held_out: Clips, about: dict[str, Any], space: MotionSpace, seed: int
) -> dict[str, float]:
    """COLUMNS of the motion that a model makes for the clips."""
    count = -(-held_out.audio.shape[1] // model.window)
    sampler = make_sampler(model, sampling=sampling, windows=count)

    def sample(audio: np.ndarray) -> np.ndarray:
        controls = held_out.gaze, held_out.distance, held_out.emotion
        motion, _ = sampler({"params": params}, audio, held_out.length, *controls, jax.random.key(seed))
        return np.asarray(motion)[:, : audio.shape[1]]

    swapped = LinearReading.of(about, "lips")(sample(_others(held_out)))
    found = read(sample(held_out.audio), held_out, about, space)
    return {**found, "lips_swapped": correlation(swapped, held_out.lip_opening, held_out.length)}


def read(motion: np.ndarray, held_out: Clips, about: dict[str, Any], space: MotionSpace) -> dict[str, float]:
    """COLUMNS of a motion for the clips, as far as they need no other motion."""
    return {
        "lips": correlation(LinearReading.of(about, "lips")(motion), held_out.lip_opening, held_out.length),
        "lips_swapped": float("nan"),
        **_blinks(motion, held_out, about),
        **amounts(motion, held_out.length, Statistics.stored(about)),
        "frechet": space.distance(motion, held_out.length),
    }


def _blinks(motion: np.ndarray, held_out: Clips, about: dict[str, Any]) -> dict[str, float]:
    """How many a minute, and how far open the lids are in the middle of the median one, relative to the clip's median;
    by the read-out of the lids, NaN where the set tells nothing of them."""
    if "lids" not in about:
        return {"blinks": float("nan"), "lids": float("nan")}
    openness = 1 - LinearReading.of(about, "lids")(motion)
    floors = [
        floor for clip, n in zip(openness, held_out.length, strict=True) for floor in signals.blink_floors(clip[:n])
    ]
    rate = signals.per_minute(len(floors), int(held_out.length.sum()))
    return {"blinks": rate, "lids": float(np.median(floors)) if floors else float("nan")}


def _others(held_out: Clips) -> np.ndarray:
    """Each clip's audio replaced by that of the next, repeated where it is shorter."""
    rolled = np.roll(np.arange(len(held_out.length)), -1)
    frames = held_out.audio.shape[1]
    return np.stack([held_out.audio[i][np.arange(frames) % held_out.length[i]] for i in rolled])


def compare(motion: str, student: str | None, data: str, split: str, seed: int) -> list[list[str]]:
    """A row for each way: its name and COLUMNS, and the first for the clips themselves.

    Raises:
      UserError: no such weights or motion set.
    """
    about = motion_set.read_statistics(data)
    statistics = Statistics.stored(about)
    held_out = Clips.read(data, split, statistics)
    training = Clips.read(data, "train", statistics, REFERENCE)
    space = MotionSpace(training.motion, training.length)
    found = {"true motion": read(held_out.motion, held_out, about, space)}
    taught, params = load_room(motion, "motion")
    for way in WAYS:
        model = build_motion(taught["model"])
        found[f"{way.sampler}, {way.steps} steps"] = measure(model, params, way, held_out, about, space, seed)
    if student:
        learned, params = load_room(student, "student")
        model, way = build_motion(learned["model"]), Sampling(learned["steps"])
        found[f"student, {way.steps} steps"] = measure(model, params, way, held_out, about, space, seed)
    return [[name, *(f"{row[column]:.3f}" for column in COLUMNS)] for name, row in found.items()]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m vasa_jax.evaluation.samplers", description=__doc__.split("\n")[0])
    parser.add_argument("--motion", required=True, help="a motion training, or released weights")
    parser.add_argument("--student", help="a student training, or released weights with a student")
    parser.add_argument("--data", required=True, help="motion set")
    parser.add_argument("--split", default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    given = parser.parse_args(arguments)
    with leave_on_mistake("samplers"):
        rows = compare(given.motion, given.student, given.data, given.split, given.seed)
    lines = [["way", *COLUMNS.values()], ["---"] * (1 + len(COLUMNS)), *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    print(text, end="")
    if given.out:
        given.out.write_text(text)


if __name__ == "__main__":
    main()
