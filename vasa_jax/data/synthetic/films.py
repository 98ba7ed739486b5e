"""Command line: a folder of videos from rendered talks, as users have theirs, to try `vasa_jax.data.prepare` with.

    python -m vasa_jax.data.synthetic.films --clips data/talks --out videos --films 30

A folder a person, a manifest beside them; h264 at the rates and sizes that occur. Pictures of the talks, 25 a second,
are repeated or left out for another rate; see `film.shoot` for those of a camera of that rate.
"""

import argparse
import csv
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vasa_jax.data import clips
from vasa_jax.data.synthetic import film
from vasa_jax.data.videos.manifest import COLUMNS
from vasa_jax.errors import UserError, leave_on_mistake
from vasa_jax.types import FPS

RATES = (25, Fraction(30_000, 1001), Fraction(24_000, 1001), 30, 50)
SIZES = ((1280, 720), (854, 480), (720, 1280))
ROW = {"language": "en", "source": "rendered", "licence": "Apache-2.0", "consent": "nobody is seen"}


def make(source: str, split: str, out: Path, films: int, face: int) -> None:
    """Writes a video of each of the first talks, pictures of `face` pixels in it; one that is there already stays.

    Raises:
      UserError: there are no clips.
    """
    records, people = clips.open_clips(source, split), []
    for number in range(min(films, len(records))):
        record = records[number]
        people.append(clips.text(record["identity"]))
        path = out / people[-1] / f"film{number:04d}.mp4"
        if not path.exists():
            part = path.with_suffix(".part.mp4")
            write(part, record, number, face)
            part.rename(path)
    with (out / "manifest.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, restval="")
        table.writeheader()
        table.writerows({"video": f"{person}/", "identity": person, **ROW} for person in sorted(set(people)))


def write(path: Path, record: Mapping[str, Any], number: int, face: int) -> None:
    """One video; its number decides rate, size, place and wall."""
    rate, (width, height) = RATES[number % len(RATES)], SIZES[number % len(SIZES)]
    count = len(record["frames"])
    shown = np.minimum(np.round(np.arange(int(count * rate / FPS)) * float(FPS / Fraction(rate))), count - 1)
    pictures = [
        np.asarray(Image.fromarray(one).resize((face, face))) for one in clips.decode_frames(record, range(count))
    ]
    chance = np.random.default_rng(number)
    place = int(chance.integers(width - face + 1)), int(chance.integers(height - face + 1))
    frames = film.hung((pictures[int(k)] for k in shown), film.wall(width, height, number), place)
    film.write(path, frames, record["audio"], rate)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m vasa_jax.data.synthetic.films", description=__doc__.splitlines()[0])
    flag = parser.add_argument
    flag("--clips", required=True, help="set of rendered talks")
    flag("--split", default="train", help="of the set")
    flag("--out", type=Path, required=True, help="folder of the videos")
    flag("--films", type=int, default=30, help="how many")
    flag("--face", type=int, default=256, help="pixels a side of a rendered picture in a video")
    flags = parser.parse_args(arguments)
    with leave_on_mistake("films"):
        if not 32 <= flags.face <= min(map(min, SIZES)):
            raise UserError(f"--face {flags.face}: give 32 to {min(map(min, SIZES))} pixels")
        make(flags.clips, flags.split, flags.out, flags.films, flags.face)


if __name__ == "__main__":
    main()
