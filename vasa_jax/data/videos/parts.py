"""What a run has done so far: a folder for each video, with its clips and, once all are there, what became of it.

A run that was stopped goes on with the videos whose account is missing; a video that breaks ends as a refusal.
"""

import dataclasses
import json
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.data import clip_file
from vasa_jax.data.videos.one_video import Dropped, Readers, Video
from vasa_jax.data.videos.refusals import Refusal
from vasa_jax.data.videos.settings import Settings
from vasa_jax.types import FPS

ACCOUNT = "account.json"
MOST_PICTURES = 40  # of the refusals of one video
SAMPLED = ("pose", "gaze", "distance")  # labels of which the report shows distributions


@dataclass(frozen=True)
class Account:
    """What became of a video.

    Attributes:
      video: path below the folder of videos.
      clips: of each its name, frames, start in seconds, whether there is speech, brightness, the descriptor of its face
        or None, and of one frame a second what SAMPLED names.
      refusals: what was dropped; pictures: for each the name of its picture in the video's folder, or "".
      seconds: of processor time by kind of work.
    """

    video: str
    clips: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def write(self, file: Path) -> None:
        part = file.with_suffix(".part")
        part.write_text(json.dumps(dataclasses.asdict(self)))
        part.rename(file)

    @classmethod
    def read(cls, file: Path) -> "Account":
        found = json.loads(file.read_text())
        return cls(**found | {"refusals": [Refusal(**refusal) for refusal in found["refusals"]]})


def folder_of(work: Path, video: str) -> Path:
    """Where the clips of a video wait."""
    return work / f"{zlib.crc32(video.encode()):08x}_{Path(video).stem[:40]}"


def clip_path(work: Path, video: str, clip: str) -> Path:
    return folder_of(work, video) / f"{clip}.npz"


def is_done(work: Path, video: str) -> bool:
    return (folder_of(work, video) / ACCOUNT).exists()


def prepare_video(videos: Path, video: str, settings: Settings, readers: Readers, work: Path) -> Account:
    """Sorts a video into its folder of `work`, or reads what an earlier run left there.

    Whatever goes wrong with this one video ends as a refusal, so that the others go on.
    """
    folder = folder_of(work, video)
    if is_done(work, video):
        return Account.read(folder / ACCOUNT)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    account, task = Account(video), Video(videos / video, video, settings, readers)
    try:
        for found in task.sort():
            _keep(folder, account, found)
    except Exception as error:
        detail = " ".join(f"{type(error).__name__}: {error}".split())
        end = max([0.0, *(refusal.end for refusal in account.refusals), *map(clip_end, account.clips)])
        _keep(folder, account, Dropped(Refusal(video, end, end, "unreadable", detail)))
    account.seconds.update(task.clock.seconds)
    account.write(folder / ACCOUNT)
    return account


def clip_end(clip: dict[str, Any]) -> float:
    """When a clip of an account ends, in seconds."""
    return clip["start"] + clip["frames"] / FPS


def _keep(folder: Path, account: Account, found: dict[str, Any] | Dropped) -> None:
    if isinstance(found, Dropped):
        name = ""
        if found.picture is not None and sum(map(bool, account.pictures)) < MOST_PICTURES:
            name = f"refused_{len(account.refusals):05d}.jpg"
            (folder / name).write_bytes(found.picture)
        account.refusals.append(found.refusal)
        account.pictures.append(name)
        return
    descriptor = found.pop("descriptor", None)
    clip_file.store(folder / f"{found['clip']}.npz", found)
    account.clips.append(
        {
            "name": found["clip"],
            "frames": len(found["frames"]),
            "start": found["start"],
            "brightness": float(found["brightness"]),
            "descriptor": None if descriptor is None else descriptor.tolist(),
            "talk": found["kind"] == "talk",
            "sample": np.concatenate(
                [found[name][::FPS].reshape(-1, width(found[name])) for name in SAMPLED], 1
            ).tolist(),
        }
    )


def width(label: np.ndarray) -> int:
    """Numbers of a label in a frame."""
    return int(np.prod(label.shape[1:]))
