"""From three trainings to one released checkpoint folder.

python -m vasa_jax.training.release --face runs/face_tiny --motion runs/motion_tiny --speech
    runs/speech_tiny \\ --out vasa_jax/pretrained --name tiny
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax import checkpoint, room_weights
from vasa_jax.errors import UserError, leave_on_mistake

ROOMS = ("face", "motion", "speech")
EXTRA = "student"
# Of the motion set's statistics, what inference needs, and what it and the evaluation can make use of.
NEEDED, USEFUL = ("mean", "std", "distance"), ("lips", "lids")
HELP = {
    "face": "a face training (its --workdir), or released weights",
    "motion": "a motion training",
    "speech": "a speech training, or released weights",
    "student": "a training of the motion's few-step student, which infer.py --fast runs; not needed",
}


def release(runs: dict[str, Path], out: Path, name: str, dtype: str = "float16") -> None:
    """Writes weights.safetensors and config.json of three runs into `out`.

    Args:
      runs: the folder of the training of each of ROOMS, and of EXTRA if there is one.
      name: of the checkpoint.
      dtype: of the stored weights, float16 or float32.

    Raises:
      UserError: a run without weights, or rooms whose sizes do not fit each other.
    """
    found = {room: room_weights.load_room(folder, room) for room, folder in runs.items()}
    statistics = found["motion"][0]["statistics"]
    config = {
        "format": checkpoint.FORMAT,
        "name": name,
        **{room: found[room][0]["model"] for room in ROOMS},
        "statistics": {key: statistics[key] for key in (*NEEDED, *USEFUL) if key in statistics or key in NEEDED},
    }
    if EXTRA in found:
        config[EXTRA] = _student(found[EXTRA][0], statistics)
    params = {room: found[room][1] for room in found}
    checkpoint.save(out, checkpoint.Checkpoint(config, params), dtype)


def _student(about: dict[str, Any], statistics: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of a student that learned in the units of these statistics."""
    for name in ("mean", "std"):
        if not np.array_equal(about["statistics"][name], statistics[name]):
            raise UserError("the student learned from another motion training than --motion: their statistics differ")
    return {name: about[name] for name in ("model", "steps", "guidance")}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m vasa_jax.training.release", description=__doc__.split("\n")[0])
    for room in ROOMS:
        parser.add_argument(f"--{room}", type=Path, required=True, help=HELP[room])
    parser.add_argument(f"--{EXTRA}", type=Path, help=HELP[EXTRA])
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--name", required=True, help="name of the checkpoint")
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float16", help="of the stored weights")
    given = vars(parser.parse_args(arguments))
    with leave_on_mistake("release"):
        runs = {room: given[room] for room in (*ROOMS, EXTRA) if given[room]}
        release(runs, given["out"], given["name"], given["dtype"])


if __name__ == "__main__":
    main()
