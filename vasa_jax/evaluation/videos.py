"""Holds the road from videos to a training set against the truth: rendered videos of many kinds and faults go through.

    python -m vasa_jax.evaluation.videos --assets ASSETS --out FOLDER

Writes the videos to FOLDER/videos, prepares them to FOLDER/set with `vasa_jax.data.prepare` (DirectRunner, all cores),
and compares: labels with the exact ones, the offset of moved sound with what it was moved by, refusals with the faults.
Videos and set that are there from a run before are taken as they are. Writes videos.json and videos.md.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.evaluation import command
from vasa_jax.types import FPS

BARS = {"yaw": 4.0, "pitch": 4.0, "gaze_yaw": 0.7, "lip_opening": 0.85, "eye_openness": 0.85, "offset": 1.0}
AT_MOST = ("yaw", "pitch", "offset")
EXACT = ("pose", "gaze", "lip_opening", "landmarks")
PREPARE = ("--size", "256", "--held_out", "0", "--no_manifest")


def main(arguments: list[str] | None = None) -> int:
    """Measures; see `command.run`."""
    return command.run(measure, _parser(), arguments)


def measure(options: argparse.Namespace) -> str:
    """Makes the videos and the set, and writes the report; gives the tables.

    Raises:
      UserError: something that the road needs is missing, or the folder cannot be made.
    """
    from vasa_jax.data import clips, prepare
    from vasa_jax.data.videos.refusals import read_table
    from vasa_jax.evaluation import film_plan
    from vasa_jax.evaluation.report import make_folder

    folder = make_folder(options.out)
    studio = film_plan.Studio(options.assets)
    if not (folder / "videos").exists():
        make_videos(studio, folder)
    if not (folder / "set" / "dataset_info.json").exists():
        where = ["--videos", str(folder / "videos"), "--out", str(folder / "set")]
        prepare.main([*where, *PREPARE, "--landmarks", str(Path(options.assets) / "mediapipe")])
    source = clips.open_clips(folder / "set", "train")
    records = [source[index] for index in range(len(source))]
    refused = read_table(folder / "set" / "refusals.csv")
    rows, everything = [], []
    for good in film_plan.GOOD:
        own = [record for record in records if clips.text(record["video"]) == good.name]
        pairs = paired(good, [studio.exact(person) for person in good.people], own)
        everything += pairs
        reasons = sorted({refusal.reason for refusal in refused if refusal.video == good.name})
        rows.append(
            {"video": good.name, "rate": f"{float(good.rate):.4g}", "size": "x".join(map(str, good.size))}
            | {"of": sum(len(studio.exact(person)["pose"]) for person in good.people), "refused": reasons}
            | figures(pairs, [float(record["audio_offset"]) - good.late for record in own])
        )
    whole = {"video": "all", "rate": "", "size": "", "of": sum(row["of"] for row in rows), "refused": []}
    rows.append(whole | figures(everything, [row["offset"] for row in rows]))
    told = faults(records, refused)
    text = markdown(rows, told)
    command.write_report(folder, "videos", options, {"good": rows, "faults": told}, text)
    return text


def make_videos(studio: Any, folder: Path) -> None:
    """Writes the videos, all or none."""
    from tqdm import tqdm

    from vasa_jax.evaluation import film_plan

    making = folder / "videos.part"
    shutil.rmtree(making, ignore_errors=True)  # of a run that was stopped
    for good in tqdm(film_plan.GOOD, "videos"):
        film_plan.make_good(studio, good, making)
    film_plan.make_faults(studio, making)
    making.rename(folder / "videos")


def paired(good: Any, shots: Sequence[dict[str, Any]], own: Sequence[Any]) -> list[tuple[dict, dict]]:
    """Of each clip of a video the exact labels and those that were read."""
    true = {name: np.concatenate([shot[name] for shot in shots]) for name in EXACT}
    pairs = []
    for record in own:
        first = round(float(record["start"]) * FPS)
        count = min(len(record["pose"]), len(true["pose"]) - first)
        pairs.append((seen_in(true, good, record["square"], slice(first, first + count)), cut(record, count)))
    return pairs


def figures(pairs: Sequence[tuple[dict, dict]], offsets: Sequence[float]) -> dict[str, Any]:
    """Clips against the exact labels, see labels.compare; of the offsets, frames too many, the worst."""
    from vasa_jax.evaluation.labels import compare

    found = compare(*map(list, zip(*pairs, strict=True))) if pairs else {}
    names = ("yaw", "pitch", "gaze_yaw", "gaze_error", "lip_opening", "eye_openness", "place")
    worst = max(map(abs, offsets), default=float("nan"))
    frames = sum(len(read["pose"]) for _, read in pairs)
    return {"frames": frames, **{name: found.get(name, float("nan")) for name in names}, "offset": worst}


def cut(record: Any, count: int) -> dict[str, np.ndarray]:
    """The first frames of a clip's labels."""
    return {name: np.asarray(record[name])[:count] for name in (*EXACT, "eye_openness")}


def seen_in(true: dict[str, np.ndarray], good: Any, square: np.ndarray, frames: slice) -> dict[str, np.ndarray]:
    """Exact labels of a rendered picture in the square that was cut out of the video."""
    from vasa_jax.evaluation.film_plan import FACE, place

    x, y, side = (float(value) for value in square)
    zoom = FACE / side
    corner = place(good.size)
    shift = np.array([corner[0] + FACE / 2 - x, y - corner[1] - FACE / 2]) * 2 / side
    part = {name: value[frames].astype(np.float64) for name, value in true.items()}
    pose = part["pose"].copy()
    pose[:, 3:5] = zoom * pose[:, 3:5] + shift
    pose[:, 6] *= zoom
    return part | {"pose": pose, "landmarks": zoom * part["landmarks"] + shift}


def faults(records: Sequence[Any], refused: Sequence[Any]) -> list[dict[str, Any]]:
    """Of each fault, the reasons that were found, and whether they are the right ones."""
    from vasa_jax.data import clips
    from vasa_jax.evaluation.film_plan import FAULTS

    told = []
    for video, wanted in FAULTS.items():
        own = [refusal for refusal in refused if refusal.video == video]
        kept = sum(clips.text(record["video"]) == video for record in records)
        reasons = sorted({refusal.reason for refusal in own})
        right = reasons == [wanted] and (not kept or video == "broken.mp4")
        found = dict(video=video, wanted=wanted, found=reasons, clips=kept, detail=own[0].detail if own else "")
        if wanted == "out of sync":
            late = int(video.rpartition("_")[2].removesuffix(".mp4"))
            heard = float(found["detail"].split()[1]) if right else float("nan")
            found["offset"] = abs(heard - late)
            right = right and found["offset"] <= BARS["offset"]
        told.append(found | {"right": right})
    return told


def holds(name: str, value: float) -> bool:
    """Whether a figure meets its bar, where it has one."""
    if name not in BARS:
        return True
    return value <= BARS[name] if name in AT_MOST else value >= BARS[name]


def markdown(found: Sequence[dict[str, Any]], told: Sequence[dict[str, Any]]) -> str:
    """Two tables: good videos with their labels, and faults with their reasons. What misses its bar is bold."""
    columns = {"yaw": "yaw, degrees", "pitch": "pitch", "gaze_error": "gaze", "lip_opening": "lips, r"}
    columns |= {"eye_openness": "lids, r", "offset": "offset, frames"}
    lines = [" | ".join(("| video", "a second", "pixels", "frames kept", *columns.values())) + " |"]
    lines.append("|---" * (4 + len(columns)) + "|")
    for row in found:
        kept = ", ".join([f"{row['frames']} of {row['of']}", *row["refused"]])
        cells = [bold(f"{row[name]:.2f}", holds(name, row[name])) for name in columns]
        lines.append(" | ".join((f"| {row['video']}", row["rate"], row["size"], kept, *cells)) + " |")
    gaze = bold(f"{found[-1]['gaze_yaw']:.2f}", holds("gaze_yaw", found[-1]["gaze_yaw"]))
    lines += ["", f"Gaze yaw over all videos: r {gaze}; a single one has too little spread for it."]
    lines += ["", "| fault | should be | found | told |", "|---" * 4 + "|"]
    for row in told:
        what = bold(", ".join(row["found"]) or "a clip", row["right"])
        lines.append(f"| {row['video']} | {row['wanted']} | {what} | {row['detail']} |")
    return "\n".join(lines) + "\n"


def bold(text: str, good: bool) -> str:
    """The text, marked where it misses its bar."""
    return text if good else f"**{text}**"


def _parser() -> argparse.ArgumentParser:
    parser = command.new_parser("vasa_jax.evaluation.videos", __doc__)
    parser.add_argument("--assets", default="../shared/assets", help="folder with ict_facekit/, speech/ and mediapipe/")
    parser.add_argument("--out", required=True, help="folder of the videos, the set and the report")
    return parser


if __name__ == "__main__":
    sys.exit(main())
