"""The TFDS builder of a set from videos: clips that wait in the folders of `parts` become array_record shards.

It is a shard-based Beam builder: each shard is written by one worker from its own clips, so that nothing but a shard's
records is ever held, on one machine as on a cluster.
"""

import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from vasa_jax.data import clip_file
from vasa_jax.data.videos.record import video_features

NAME = "videos"
SHARD_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Entry:
    """A clip to be written.

    Attributes:
      name: of the clip. file: where `clip_file.store` put it. size: of that file in bytes.
      fields: what is known of it only now, identity and manifest, and goes over what the file says.
    """

    name: str
    file: str
    size: int
    fields: Mapping[str, str]


class Videos(tfds.core.ShardBasedBuilder, skip_registration=True):
    """Clips of talking people from videos.

    Args:
      size: side of the frames in pixels.
      entries: of each split.
      foreground: whether the clips have masks.
    """

    VERSION = tfds.core.Version("1.0.0")
    name = NAME
    url_infos = {}  # nothing is downloaded: no checksum files to look for

    def __init__(self, *, size: int, entries: Mapping[str, Sequence[Entry]], foreground: bool = False, **kwargs: Any):
        self.size, self.entries, self.foreground = size, entries, foreground
        super().__init__(file_format="array_record", **kwargs)

    def _info(self):
        features = video_features(self.size, self.foreground)
        return tfds.core.DatasetInfo(builder=self, description=self.__doc__, features=features)

    def _shard_iterators_per_split(self, download_manager):
        del download_manager
        return {
            split: [functools.partial(records, shard) for shard in shards(entries)]
            for split, entries in self.entries.items()
        }


def records(entries: Sequence[Entry]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, record) of each clip."""
    for entry in entries:
        yield entry.name, clip_file.load(Path(entry.file)) | dict(entry.fields)


def shards(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Clips in an order that only their names decide, in shards of about SHARD_BYTES."""
    found: list[list[Entry]] = [[]]
    total = 0
    for entry in sorted(entries, key=lambda entry: hashlib.sha256(entry.name.encode()).digest()):
        if found[-1] and total + entry.size > SHARD_BYTES:
            found.append([])
            total = 0
        found[-1].append(entry)
        total += entry.size
    return found
