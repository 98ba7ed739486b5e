"""What is known of videos before they are opened: where they come from, under which licence, who agreed, who speaks.

A manifest lies beside the videos as manifest.csv, with a header, or manifest.jsonl, one object a line:

    video,source,licence,consent,language,identity
    talks/,https://example.org/talks,CC-BY-4.0,speakers signed a release in May 2026,en,
    talks/ann.mp4,own recording,own,Ann Example agreed in writing on 2026-05-04,en-GB,ann

A row is for a file, by its path below the folder of the manifest, or for all files of a folder, whose path ends in a
slash. Of several rows for a file the most exact one counts, as a whole. `language` (a BCP 47 tag) and `identity` may be
empty or left out.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from vasa_jax.errors import UserError

NAMES = ("manifest.csv", "manifest.jsonl")
NEEDED = ("source", "licence", "consent")
SHOWN = 3  # videos that a message names


@dataclass(frozen=True)
class Entry:
    """What travels with each clip of a video.

    Attributes:
      source: where it comes from: an address, a title, "own recording".
      licence: what may be done with it; an SPDX name where there is one.
      consent: who agreed to what, or why no consent is needed.
      language: spoken in it, as a BCP 47 tag; "" if not known.
      identity: who is seen, a name of the user's choice; "" if not known.
    """

    source: str
    licence: str
    consent: str
    language: str = ""
    identity: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """What a clip's record keeps beside the identity."""
        return {name: getattr(self, name) for name in ("source", "licence", "consent", "language")}


COLUMNS = ("video", *(field.name for field in fields(Entry)))


def read_manifest(folder: str | Path, videos: Iterable[str]) -> dict[str, Entry]:
    """The entry of each video below `folder`, whose paths are written with slashes.

    Raises:
      UserError: there is no manifest or more than one, it is damaged, a row lacks something or is there twice, stands
        for no video, or a video has no row.
    """
    folder, videos = Path(folder), sorted(videos)
    file = _find(folder)
    rows = _rows(file)
    found = {}
    for video in videos:
        keys = [key for key in _keys(video) if key in rows]
        if keys:
            found[video] = rows[keys[0]]
    if missing := [video for video in videos if video not in found]:
        raise UserError(f"{_some(missing)} {_are(missing)} not in {file}: add them, or give --no_manifest")
    files = set(videos)
    for key in rows:
        if key not in files and not any(key.endswith("/") and video.startswith(key.lstrip("./")) for video in videos):
            if not (folder / key).exists():
                raise UserError(f"{file} has a row for {key}, and there is no such video")
    return found


def _keys(video: str) -> Iterator[str]:
    """What rows for a video may be called, the most exact one first."""
    yield video
    parts = video.split("/")[:-1]
    for count in range(len(parts), 0, -1):
        yield "/".join(parts[:count]) + "/"
    yield "./"


def _find(folder: Path) -> Path:
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if not found:
        told = f"no {' or '.join(NAMES)} in {folder}"
        raise UserError(f"{told}: say where the videos come from and who agreed, or give --no_manifest")
    if len(found) > 1:
        raise UserError(f"both {' and '.join(NAMES)} are in {folder}: keep one")
    return found[0]


def _rows(file: Path) -> dict[str, Entry]:
    rows: dict[str, Entry] = {}
    for line, row in _lines(file):
        where = f"{file}, line {line}"
        if unknown := set(row) - set(COLUMNS):
            raise UserError(f"{where}: unknown column {sorted(map(str, unknown))[0]!r}; there are {', '.join(COLUMNS)}")
        texts = {name: str(value or "").strip() for name, value in row.items()}
        for name in ("video", *NEEDED):
            if not texts.get(name):
                raise UserError(f"{where}: {name} is empty")
        video = texts.pop("video")
        if video in rows:
            raise UserError(f"{where}: {video} is there twice")
        rows[video] = Entry(**texts)
    if not rows:
        raise UserError(f"{file} is empty")
    return rows


def _lines(file: Path) -> Iterator[tuple[int, Mapping]]:
    """(line, row) of a manifest."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix == ".csv":
            table = csv.DictReader(text.splitlines(), restkey="a column without a name", strict=True)
            for row in table:
                yield table.line_num, row
            return
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is not an object")
                yield number, row
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{file} cannot be read: {' '.join(str(error).split())}") from None


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
