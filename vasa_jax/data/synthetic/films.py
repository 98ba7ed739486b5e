"""Command line: a folder of videos of rendered people, as users have them, to try `vasa_jax.data.prepare` with.

    python -m vasa_jax.data.synthetic.films --assets ASSETS --out videos --films 30

A folder a person, a manifest beside them; h264 at the rates and sizes that occur.
"""

import argparse
import csv
import os
from fractions import Fraction
from pathlib import Path

import numpy as np

from vasa_jax.data.synthetic import clip, film
from vasa_jax.data.videos.manifest import COLUMNS
from vasa_jax.errors import UserError, leave_on_mistake

RATES = (25, Fraction(30_000, 1001), Fraction(24_000, 1001), 30, 50)
SIZES = ((1280, 720), (854, 480), (720, 1280))
FACE = 400  # pixels of a rendered picture in a film
SEED = 0


def make(assets: str, out: Path, films: int, people: int, seconds: float) -> None:
    """Renders the films; one that is there already stays.

    Raises:
      UserError: the assets are missing, or there is no way to render.
    """
    settings = clip.Settings(assets, FACE, 1, SEED, people, 0, films, max_seconds=seconds)
    for number, plan in enumerate(clip.plans(settings, "train")):
        path = out / f"person{plan.identity:03d}" / f"film{number:04d}.mp4"
        if path.exists():
            continue
        rate, (width, height) = RATES[number % len(RATES)], SIZES[number % len(SIZES)]
        shot = film.shoot(settings, plan, rate)
        chance = np.random.default_rng([SEED, number])
        place = int(chance.integers(width - FACE + 1)), int(chance.integers(height - FACE + 1))
        part = film.write(
            path.with_suffix(".part.mp4"),
            film.hung(shot.images, film.wall(width, height, number), place),
            shot.record["audio"],
            rate,
        )
        part.rename(path)
    with (out / "manifest.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, restval="")
        table.writeheader()
        for number in range(people):
            folder = {"video": f"person{number:03d}/", "identity": f"person{number:03d}", "language": "en"}
            nobody = {"source": "rendered", "licence": "Apache-2.0", "consent": "nobody is seen"}
            table.writerow(folder | nobody)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m vasa_jax.data.synthetic.films", description=__doc__.splitlines()[0])
    flag = parser.add_argument
    flag("--out", type=Path, required=True, help="folder of the videos")
    flag("--assets", default=os.environ.get("VASA_ASSETS", "../shared/assets"), help="with ict_facekit/ and speech/")
    flag("--films", type=int, default=30)
    flag("--people", type=int, default=10)
    flag("--seconds", type=float, default=8.0, help="of a film at most")
    flags = parser.parse_args(arguments)
    with leave_on_mistake("films"):
        if not 0 < flags.people <= flags.films:
            raise UserError(f"--people {flags.people} and --films {flags.films}: give a film for each person at least")
        make(flags.assets, flags.out, flags.films, flags.people, flags.seconds)


if __name__ == "__main__":
    main()
