"""Drops a person from a finished set of clips, or of encoded motion: the set is written anew without them.

    python -m vasa_jax.data.drop_person --data data/people --identity ann

The set is changed whole or not at all: the new one is written beside it and then takes its place. What shows or names
the person goes too: their clips, the report, whose pictures nobody can sort out again, and their videos' lines in the
table of refusals; the statistics of a motion set are taken anew. Weights that were trained on the set keep what they
learned.
"""

import argparse
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vasa_jax.data import array_records, clips, motion_set
from vasa_jax.errors import UserError, leave_on_mistake

# Beside the set, while it is written anew: what is to take its place, and what gives way.
COMING, GOING = ".without", ".before"
REPORT, TABLE = "report.html", "refusals.csv"
SHOWN = 10  # names in a message


def drop_person(folder: Path, identity: str) -> int:
    """Writes the set anew without the clips of `identity`; gives how many were dropped.

    Raises:
      UserError: there is no set, nobody of that name, or nobody else to train on.
    """
    folder = clips.find_set(folder).absolute()
    coming, going = (folder.with_name(folder.name + end) for end in (COMING, GOING))
    _mend(folder, going)
    splits = [name for name in clips.SPLITS if clips.has_split(folder, name)]
    sources = {name: clips.open_clips(folder, name) for name in splits}
    kept, dropped, videos = _sort(sources, identity)
    if not kept.get("train"):
        raise UserError(f"{folder} has no other person to train on than {identity!r}: remove the set instead")
    shutil.rmtree(coming, ignore_errors=True)  # of a run that was stopped
    coming.mkdir()
    _write(folder, coming, sources, kept)
    _copy_rest(folder, coming, videos)
    folder.rename(going)
    coming.rename(folder)
    shutil.rmtree(going)
    return dropped


def _mend(folder: Path, going: Path) -> None:
    """A run that was stopped between its two renames left the set under another name."""
    if going.exists() and not folder.exists():
        going.rename(folder)
    shutil.rmtree(going, ignore_errors=True)


def _sort(sources: dict[str, Any], identity: str) -> tuple[dict[str, list[int]], int, set[str]]:
    """Places of the clips to keep, by split; how many are dropped; their videos, as far as they have names."""
    kept: dict[str, list[int]] = {}
    dropped, videos, names = 0, set(), set()
    for split, source in sources.items():
        for index in range(len(source)):
            record = source[index]
            name = clips.text(record["identity"])
            names.add(name)
            if name != identity:
                kept.setdefault(split, []).append(index)
                continue
            dropped += 1
            videos |= {clips.text(record["video"])} if "video" in record else set()
    if not dropped:
        some = ", ".join(sorted(names)[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
        raise UserError(f"nobody in the set is called {identity!r}; there are {some}")
    return kept, dropped, videos


def _write(folder: Path, coming: Path, sources: dict[str, Any], kept: dict[str, list[int]]) -> None:
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    splits = {split: _records(sources[split], places) for split, places in kept.items()}
    array_records.write_set(coming, builder.name, builder.info.features, splits)


def _records(source: Any, places: Sequence[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, record) of some clips, frames as they are encoded."""
    for place in places:
        record = source[place]
        yield clips.text(record["clip"]), record


def _copy_rest(folder: Path, coming: Path, videos: set[str]) -> None:
    """What else lies in the folder of the set, without the dropped videos."""
    for file in folder.iterdir():
        written = (coming / file.name).exists() or "array_record" in file.name
        if written or file.name == REPORT:
            continue
        if file.is_dir():
            shutil.copytree(file, coming / file.name)
        elif file.name == TABLE:
            _copy_table(file, coming / file.name, videos)
        elif file.name == motion_set.STATISTICS:
            source = clips.open_clips(coming, "train")
            about = motion_set.statistics([source[index] for index in range(len(source))])
            (coming / file.name).write_text(json.dumps(about, indent=1) + "\n")
        else:
            shutil.copy2(file, coming / file.name)


def _copy_table(file: Path, target: Path, videos: set[str]) -> None:
    from vasa_jax.data.videos.refusals import read_table, write_table

    write_table(target, (refusal for refusal in read_table(file) if refusal.video not in videos))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m vasa_jax.data.drop_person", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the set: of clips, or of encoded motion")
    parser.add_argument("--identity", required=True, help="the person's name in it")
    given = parser.parse_args(arguments)
    with leave_on_mistake("drop_person"):
        count = drop_person(given.data, given.identity)
        print(f"{count} clips of {given.identity} are gone from {given.data}; what was trained on them is not")


if __name__ == "__main__":
    main()
