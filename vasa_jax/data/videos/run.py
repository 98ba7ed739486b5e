"""From a folder of videos to a finished set, table and report."""

import functools
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vasa_jax.data import array_records
from vasa_jax.data.videos import parts, report
from vasa_jax.data.videos.builder import Entry, Videos
from vasa_jax.data.videos.engine import Engine, prepare_one
from vasa_jax.data.videos.one_video import Readers
from vasa_jax.data.videos.parts import Account
from vasa_jax.data.videos.refusals import write_table
from vasa_jax.data.videos.settings import Settings
from vasa_jax.data.videos.splits import split_of
from vasa_jax.data.videos.who import Who
from vasa_jax.errors import UserError
from vasa_jax.types import FPS

SUFFIXES = frozenset(".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv".split())
TABLE, REPORT = "refusals.csv", "report.html"


@dataclass(frozen=True)
class Result:
    """What a run has written.

    Attributes:
      clips: number of clips in the set. seconds: that they last. refusals: number of refusals.
    """

    clips: int
    seconds: float
    refusals: int


def list_videos(folder: Path) -> list[str]:
    """Paths of the videos below a folder, sorted.

    Raises:
      UserError: there are none.
    """
    if not folder.is_dir():
        raise UserError(f"no such folder of videos: {folder}")
    found = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not found:
        raise UserError(f"no video in {folder}: looked for files ending in {', '.join(sorted(SUFFIXES))}")
    return found


def run(
    videos: Path,
    names: Sequence[str],
    out: Path,
    settings: Settings,
    engine: Engine,
    who: Who,
    fields: Mapping[str, Mapping[str, str]],
    held_out: float,
) -> Result:
    """Prepares videos of a folder; what an earlier run of the same settings did is not done again.

    Args:
      names: paths of the videos below their folder, with slashes.
      who: tells whom each clip shows.
      fields: what the manifest says of each video, by the names of a record.
      held_out: share of the people whose clips are for validation.

    Raises:
      UserError: a set that is there already, a file that the settings name and that does not serve, or no
        clip at all.
    """
    array_records.check_new(out)
    who.check(names)
    Readers.open(settings)  # a mistake is told here, before any work
    work = out / f"clips-{settings.fingerprint}"
    work.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not parts.is_done(work, name)]
    prepare = functools.partial(prepare_one, videos=str(videos), settings=settings, work=str(work))
    if missing:
        engine.map("prepare videos", prepare, missing)
    accounts = {name: Account.read(parts.folder_of(work, name) / parts.ACCOUNT) for name in names}
    write_table(out / TABLE, (refusal for name in names for refusal in accounts[name].refusals))
    report.write(out / REPORT, work, list(accounts.values()))
    entries = entries_of(work, accounts, who(accounts), fields, held_out)
    if not entries:
        raise UserError(f"no clip in {videos}: {out / REPORT} tells why")
    write_set(out, settings, entries, engine)
    shutil.rmtree(work)
    clips = [clip for account in accounts.values() for clip in account.clips]
    seconds = sum(clip["frames"] for clip in clips) / FPS
    return Result(len(clips), seconds, sum(len(account.refusals) for account in accounts.values()))


def entries_of(
    work: Path,
    accounts: Mapping[str, Account],
    identities: Mapping[str, str],
    fields: Mapping[str, Mapping[str, str]],
    held_out: float,
) -> dict[str, list[Entry]]:
    """The clips of each split that has any, and what is written over their records."""
    video = {clip["name"]: name for name, account in accounts.items() for clip in account.clips}
    splits = split_of({clip: identities[clip] for clip in video}, video, held_out)
    found: dict[str, list[Entry]] = {}
    for clip, name in video.items():
        file = parts.clip_path(work, name, clip)
        told = {"identity": identities[clip], "speaker": identities[clip], **fields.get(name, {})}
        found.setdefault(splits[clip], []).append(Entry(clip, str(file), file.stat().st_size, told))
    return found


def write_set(out: Path, settings: Settings, entries: Mapping[str, Sequence[Entry]], engine: Engine) -> None:
    """By way of the builder's own folder, so that a set is there whole or not at all."""
    building = out / "building"
    shutil.rmtree(building, ignore_errors=True)  # of a run that was stopped
    # TFDS runs the shards of the splits before again with those of each further one: the largest comes last.
    ordered = dict(sorted(entries.items(), key=lambda item: sum(entry.size for entry in item[1])))
    foreground = bool(settings.segmenter)
    builder = Videos(size=settings.size, entries=ordered, foreground=foreground, data_dir=str(building))
    array_records.prepare(builder, building, out, engine.download_config())
    for file in out.glob("*.shard_infos.json"):
        file.unlink()  # of TFDS' writers, which leave them
