"""Holds the labels of real videos against exact ones: clips whose labels are known are read as a video would be.

    python -m vasa_jax.evaluation.labels --data data/talks --assets ASSETS --out FOLDER

Frames and sound are given to `data.videos.labels`, the sound also moved by some frames. Writes labels.json and
labels.md.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.evaluation import command
from vasa_jax.evaluation.sound_shift import moved

MOVES = (-8, -3, 0, 2, 5, 10)  # frames by which the sound is made late
ROWS = {
    "yaw": ("mean error, degrees", "at most 4", lambda x: x <= 4),
    "pitch": ("mean error, degrees", "at most 4", lambda x: x <= 4),
    "roll": ("mean error, degrees", "", None),
    "scale": ("mean error, share", "", None),
    "place": ("mean error, half image sides", "", None),
    "gaze_yaw": ("correlation over all frames", "at least 0.7", lambda x: x >= 0.7),
    "gaze_pitch": ("correlation over all frames", "", None),
    "gaze_error": ("mean error, degrees", "", None),
    "lip_opening": ("correlation, mean of clips", "at least 0.85", lambda x: x >= 0.85),
    "eye_openness": ("correlation over all frames", "at least 0.85", lambda x: x >= 0.85),
    "offset": ("within one frame, share", "1", lambda x: x == 1),
    "offset_sure": ("confidence of true sound, least", "", None),
    "offset_strange": ("confidence of another's sound, 95% below", "", None),
    "speech": ("frames told right, share", "", None),
    "music": ("share in speech, largest", "below 0.2", lambda x: x < 0.2),
    "lost": ("frames without a face, share", "", None),
}


def main(arguments: list[str] | None = None) -> int:
    """Measures; see `command.run`."""
    return command.run(measure, _parser(), arguments)


def measure(options: argparse.Namespace) -> str:
    """Reads the clips and writes the report; gives the table.

    Raises:
      UserError: data, networks or the folder are missing.
    """
    from tqdm import tqdm

    from vasa_jax.data import clips
    from vasa_jax.data.videos import labels
    from vasa_jax.evaluation.report import make_folder
    from vasa_jax.judges import LandmarkJudge

    folder = make_folder(options.out)
    source = clips.open_clips(options.data, options.split)
    judge = LandmarkJudge(Path(options.assets) / "mediapipe")
    gaze, sync = labels.GazeReader(options.gaze), labels.SyncReader()
    records = [source[index] for index in range(min(options.clips, len(source)))]
    read = [read_clip(record, judge.track, gaze) for record in tqdm(records, "labels", unit="clip")]
    found = compare(records, read) | compare_sound(records, read, sync)
    text = markdown(found)
    command.write_report(folder, "labels", options, {"labels": found, "clips": len(records)}, text)
    return text


def read_clip(record: Any, track: Callable, gaze: Callable) -> dict[str, np.ndarray]:
    """The labels of a clip as those of a video are made."""
    from vasa_jax.data import clips
    from vasa_jax.data.videos import labels

    frames = clips.decode_frames(record, range(len(record["pose"])))
    seen = track(frames)
    landmarks = labels.ibug_landmarks(seen.points, seen.lids)
    return {
        "pose": labels.pose_of_landmarks(seen.points),
        "gaze": gaze(frames, landmarks),
        "lip_opening": labels.lip_opening(seen.points),
        "eye_openness": labels.eye_openness(seen.lids),
        "landmarks": landmarks,
    }


def compare(records: list[Any], read: list[dict[str, np.ndarray]]) -> dict[str, float]:
    """What the pictures say against the exact labels, by the names of ROWS."""
    import jax.numpy as jnp

    from vasa_jax.evaluation.signals import correlation, finite_mean
    from vasa_jax.judges.gaze import eye_openness

    def all_of(name: str, of: list[Any]) -> np.ndarray:
        return np.concatenate([np.asarray(one[name], np.float64) for one in of])

    pose, true = all_of("pose", read), all_of("pose", records)
    gaze, looks = all_of("gaze", read), all_of("gaze", records)
    shut = np.asarray(eye_openness(jnp.asarray(all_of("landmarks", records), jnp.float32)), np.float64)
    lips = [
        correlation(one["lip_opening"].astype(np.float64), record["lip_opening"].astype(np.float64))
        for one, record in zip(read, records, strict=True)
    ]
    angles = [finite_mean(np.degrees(np.abs(pose[:, i] - true[:, i]))) for i in range(3)]
    return {
        **dict(zip(("yaw", "pitch", "roll"), angles, strict=True)),
        "scale": finite_mean(np.abs(pose[:, 6] / true[:, 6] - 1)),
        "place": finite_mean(np.linalg.norm(pose[:, 3:5] - true[:, 3:5], axis=1)),
        "gaze_yaw": correlation(gaze[:, 0], looks[:, 0]),
        "gaze_pitch": correlation(gaze[:, 1], looks[:, 1]),
        "gaze_error": finite_mean(np.degrees(np.abs(gaze - looks)).mean(1)),
        "lip_opening": finite_mean(lips),
        "eye_openness": correlation(all_of("eye_openness", read), shut),
        "lost": float(np.isnan(pose[:, 0]).mean()),
    }


def compare_sound(records: list[Any], read: list[dict[str, np.ndarray]], sync: Callable) -> dict[str, float]:
    """What sound and lips say against the truth; clips of less than two seconds say nothing of an offset."""
    from vasa_jax.data.videos import labels
    from vasa_jax.types import FPS

    right, sure, strange, spoken, music = [], [], [], [], []
    for index, (record, one) in enumerate(zip(records, read, strict=True)):
        spoken.append(labels.speech_activity(record["audio"]) == speaks(record))
        music.append(labels.music_share(record["audio"]))
        if len(one["lip_opening"]) < 2 * FPS:
            continue
        for frames in MOVES:
            offset, confidence = sync(one["lip_opening"], moved(record["audio"], frames))
            right.append(abs(offset - frames) <= 1)
            sure.append(confidence)
        other = records[(index + 1) % len(records)]["audio"]
        strange.append(sync(one["lip_opening"], other)[1])
    return {
        "offset": float(np.mean(right)) if right else float("nan"),
        "offset_sure": float(np.min(sure)) if sure else float("nan"),
        "offset_strange": float(np.nanquantile(strange, 0.95)) if strange else float("nan"),
        "speech": float(np.concatenate(spoken).mean()),
        "music": float(np.nanmax(music)),
    }


def speaks(record: Any) -> np.ndarray:
    """(T,) whether a phone is spoken in the middle of each frame, by the clip's exact phones."""
    from vasa_jax.data import clips
    from vasa_jax.speech import phone_targets

    phones = record["phones"]
    names = [clips.text(label) for label in phones["label"]]
    return phone_targets(names, list(phones["start"]), list(phones["end"]), len(record["pose"])).any(1)


def markdown(found: dict[str, float]) -> str:
    """A line for each label: what was measured, the bar, and whether it is met."""
    lines = ["| label | measured | found | bar | met |", "|---|---|---|---|---|"]
    for name, (what, bar, holds) in ROWS.items():
        met = "" if holds is None else "yes" if holds(found[name]) else "no"
        lines.append(f"| {name.replace('_', ' ')} | {what} | {found[name]:.3f} | {bar} | {met} |")
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = command.new_parser("vasa_jax.evaluation.labels", __doc__)
    parser.add_argument("--data", default="data/talks", help="clip set with exact labels")
    parser.add_argument("--split", default="test", help="of the clip set")
    parser.add_argument("--assets", default="../shared/assets", help="folder with mediapipe/")
    parser.add_argument("--gaze", default=None, help="a gaze network; the one that ships if absent")
    parser.add_argument("--clips", type=int, default=24, help="how many clips are read")
    parser.add_argument("--out", required=True, help="folder of the report")
    return parser


if __name__ == "__main__":
    sys.exit(main())
