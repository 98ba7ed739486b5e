"""From clip sets to batches: deterministic grain pipelines with a position that can be saved and taken up
again.

Each function gives a grain IterDataset of dicts of NumPy arrays, already split over the hosts. A record is
read once
for several frames, and only the frames that are used are decoded: on the CPU the data must cost little beside
  a step.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grain
import jax
import numpy as np
from absl import flags

from vasa_jax.data import clips

Record = Mapping[str, Any]
Batch = dict[str, np.ndarray]
NAME_BYTES = 64  # of a clip's name in a batch


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a pipeline reads.

    Attributes:
      batch_size: elements of a batch over all hosts.
      seed: of the order and of all random choices.
      threads: that read and decode ahead of the training.
      ahead: batches held ready.
      workers: processes; 0 reads in threads of this one, which is right while a step costs more than its
        data.
    """

    batch_size: int
    seed: int = 0
    threads: int = 1
    ahead: int = 2
    workers: int = 0


def batches(source, sample: Callable[[Record, np.random.Generator], Batch], reading: Reading) -> grain.IterDataset:
    """Endless shuffled batches of `sample(record, generator)`, reshuffled every pass; this host's share of
    them.

    Beside what `sample` gives they hold clip (B, 64) uint8, which `clip_names` reads.

    A source with fewer records than hosts, or a batch that the hosts cannot share equally, is a ValueError.
    """
    hosts, host = jax.process_count(), jax.process_index()
    if reading.batch_size % hosts or len(source) < hosts:
        raise ValueError(f"{len(source)} clips in batches of {reading.batch_size} cannot be shared by {hosts} hosts")
    _allow_grain_outside_absl()
    dataset = grain.MapDataset.source(source).seed(reading.seed).shuffle()[host::hosts].repeat()
    dataset = dataset.random_map(Named(sample)).batch(reading.batch_size // hosts, drop_remainder=True)
    dataset = dataset.to_iter_dataset(grain.ReadOptions(reading.threads, reading.ahead))
    return dataset.mp_prefetch(grain.MultiprocessingOptions(reading.workers)) if reading.workers else dataset


@dataclasses.dataclass(frozen=True)
class Named:
    """`sample` with the name of the record's clip, UTF-8 as numbers: batches hold nothing else."""

    sample: Callable[[Record, np.random.Generator], Batch]

    def __call__(self, record: Record, generator: np.random.Generator) -> Batch:
        name = clips.text(record.get("clip", "")).encode()[:NAME_BYTES].ljust(NAME_BYTES, b"\0")
        return {**self.sample(record, generator), "clip": np.frombuffer(name, np.uint8)}


def clip_names(rows: np.ndarray) -> list[str]:
    """Names from clip (B, 64) uint8; empty for a record that has none."""
    return [row.tobytes().rstrip(b"\0").decode(errors="replace") for row in rows]


def _allow_grain_outside_absl() -> None:
    """Grain's workers read absl flags, which nobody has parsed in a notebook or a test."""
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()


@dataclasses.dataclass(frozen=True)
class FacePairs:
    """One near frontal source frame and K driver frames of one clip.

    Gives source (S, S, 3) uint8, source_pose (7,), source_expression (57,), source_landmarks (68, 2), and
    driver, driver_pose, driver_expression, driver_landmarks with a leading K.

    Attributes:
      drivers: K.
      source_yaw: largest |yaw| of a source in radians; a clip without such a frame gives its most frontal
        one.
      size: side S that the frames are brought to; their own if None.
    """

    drivers: int
    source_yaw: float
    size: int | None = None

    def __call__(self, record: Record, generator: np.random.Generator) -> Batch:
        source = self._source(record["pose"], generator)
        drivers = pick(len(record["pose"]), self.drivers, generator)
        frames = clips.decode_frames(record, [source, *drivers], self.size)
        sample = {"source": frames[0], "driver": frames[1:]}
        for label in ("pose", "expression", "landmarks"):
            sample[f"source_{label}"] = record[label][source]
            sample[f"driver_{label}"] = record[label][drivers]
        return sample

    def _source(self, pose: np.ndarray, generator: np.random.Generator) -> int:
        yaw = np.abs(pose[:, 0])
        frontal = np.flatnonzero(yaw < self.source_yaw)
        return int(generator.choice(frontal)) if len(frontal) else int(yaw.argmin())


@dataclasses.dataclass(frozen=True)
class Singles:
    """n = `frames` frames of one clip with their labels: image (n, S, S, 3) uint8, pose (n, 7), expression (n, 57)."""

    frames: int

    def __call__(self, record: Record, generator: np.random.Generator) -> Batch:
        chosen = pick(len(record["pose"]), self.frames, generator)
        return {
            "image": clips.decode_frames(record, chosen),
            "pose": record["pose"][chosen],
            "expression": record["expression"][chosen],
        }


def pick(count: int, wanted: int, generator: np.random.Generator) -> np.ndarray:
    """`wanted` of `count` indices, each at most once where there are enough."""
    return generator.choice(count, wanted, replace=count < wanted)


def expression_scale(source, records: int = 64, least: float = 0.1) -> np.ndarray:
    """(57,) standard deviation of the expression coefficients over the first records, at least `least`."""
    values = np.concatenate([source[i]["expression"] for i in range(min(records, len(source)))])
    return np.maximum(values.std(0), least).astype(np.float32)


class Kept:
    """A source that keeps what `take` leaves of each record it has read: sound and labels fit in memory."""

    def __init__(self, source, take: Callable[[Record], Record]):
        self._source, self._take = source, take
        self._kept: dict[int, Record] = {}

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Record:
        index = int(index)
        if index not in self._kept:
            self._kept[index] = self._take(self._source[index])
        return self._kept[index]


class Chosen:
    """The records of a source at some indices."""

    def __init__(self, source, indices: Sequence[int]):
        self._source, self._indices = source, list(indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Record:
        return self._source[self._indices[int(index)]]
