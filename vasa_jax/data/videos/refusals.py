"""Why a stretch of a video is not in the set: the reasons, and the table of them."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

REASONS = {
    "unreadable": "the file cannot be decoded, from this time on",
    "no face": "no face was found",
    "two faces": "more than one face is to be seen",
    "too small": "the square around the head has too few pixels in the video",
    "profile": "the head is turned too far",
    "out of frame": "the square around the head leaves the picture too far",
    "moves away": "the head leaves the square that is held still",
    "blurred": "the picture is not sharp",
    "cut": "the shot between two cuts is too short",
    "too short": "what remains between other refusals is too short",
    "no speech": "nobody is heard speaking, or there is no sound",
    "music": "music is heard",
    "out of sync": "lips and sound are apart in time",
}


@dataclass(frozen=True)
class Refusal:
    """A stretch that was dropped.

    Attributes:
      video: path below the folder of videos.
      start, end: in seconds from the video's first frame.
      reason: one of REASONS.
      detail: the number or message behind it, in words.
    """

    video: str
    start: float
    end: float
    reason: str
    detail: str = ""

    def __post_init__(self):
        if self.reason not in REASONS:
            raise ValueError(f"unknown reason {self.reason!r}")


def write_table(path: Path, refusals: Iterable[Refusal]) -> None:
    """A CSV file with one line for each refusal, times with three digits."""
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, [field.name for field in fields(Refusal)])
        table.writeheader()
        for refusal in refusals:
            table.writerow(asdict(refusal) | {"start": f"{refusal.start:.3f}", "end": f"{refusal.end:.3f}"})
    part.replace(path)


def read_table(path: Path) -> list[Refusal]:
    """What `write_table` wrote."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            Refusal(**row | {"start": float(row["start"]), "end": float(row["end"])}) for row in csv.DictReader(stream)
        ]
