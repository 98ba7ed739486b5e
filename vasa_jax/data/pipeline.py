"""From clip sets to batches: deterministic grain pipelines with a position that can be saved and taken up again.

Each function gives a grain IterDataset of dicts of NumPy arrays, this host's rows of every batch. The batch over all
hosts is the same whatever their number, and so is a position in it: a run may go on with other hosts than it began
with. A record is read once for several frames, and only the frames that are used are decoded: on the CPU the data must
cost little beside a step.
"""

import dataclasses
import zlib
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
      workers: processes; 0 reads in threads of this one, which is right while a step costs more than its data.
    """

    batch_size: int
    seed: int = 0
    threads: int = 1
    ahead: int = 2
    workers: int = 0


def batches(
    source,
    sample: Callable[[Record, np.random.Generator], Batch],
    reading: Reading,
    share: tuple[int, int] | None = None,
) -> grain.IterDataset:
    """Endless shuffled batches of `sample(record, generator)`, reshuffled every pass; this host's rows of them.

    Beside what `sample` gives they hold clip (B, 64) uint8, which `clip_names` reads.

    Args:
      share: which host this is, and of how many; as JAX has it if None.

    A batch that the hosts cannot share equally, and a source without records, are a ValueError.
    """
    host, hosts = share or (jax.process_index(), jax.process_count())
    if reading.batch_size % hosts or not len(source):
        raise ValueError(f"{len(source)} clips in batches of {reading.batch_size} cannot be shared by {hosts} hosts")
    _allow_grain_outside_absl()
    # Chance belongs to a place in the order of all hosts: each takes its rows only after it. Grain's seeds depend on
    # the number of steps before: [:] is one that does nothing, so that older runs go on as they began.
    dataset = grain.MapDataset.source(source).seed(reading.seed).shuffle()[:].repeat().random_map(Named(sample))
    rows = reading.batch_size // hosts
    dataset = Rows(dataset, reading.batch_size, host * rows, rows).batch(rows, drop_remainder=True)
    dataset = dataset.to_iter_dataset(grain.ReadOptions(reading.threads, reading.ahead))
    return dataset.mp_prefetch(grain.MultiprocessingOptions(reading.workers)) if reading.workers else dataset


class Rows(grain.MapDataset):
    """Rows `first` to `first + count` of each `batch` elements of a dataset, one after the other."""

    def __init__(self, parent: grain.MapDataset, batch: int, first: int, count: int):
        super().__init__(parent)
        self._batch, self._first, self._count = batch, first, count

    def __len__(self) -> int:
        return len(self._parent) // self._batch * self._count

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.slice(index)
        number, row = divmod(index, self._count)
        return self._parent[number * self._batch + self._first + row]


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
    """One near frontal source frame and K driver frames of one clip, far from it in pose or expression.

    Gives source (S, S, 3) uint8, source_pose (7,), source_expression (57,), source_landmarks (68, 2), and
    driver, driver_pose, driver_expression, driver_landmarks with a leading K; identity, a number for who is seen, by
    which the losses that need a stranger find one in the batch. A set with masks gives driver_foreground (K, S, S, 1)
    float32 in [0, 1] too, by which the background counts in no loss of the drawn image.

    Attributes:
      drivers: K.
      source_yaw: largest |yaw| of a source in radians; a clip without such a frame gives its most frontal
        one.
      size: side S that the frames are brought to; their own if None.
      candidates: frames that chance offers for each driver; the one least like the source is taken (`unlikeness`). 1
        takes what comes; more bring wider pairs, and near ones still now and then.
    """

    drivers: int
    source_yaw: float
    size: int | None = None
    candidates: int = 1

    def __call__(self, record: Record, generator: np.random.Generator) -> Batch:
        source = self._source(record["pose"], generator)
        drivers = self._drivers(record["landmarks"], source, generator)
        frames = clips.decode_frames(record, [source, *drivers], self.size)
        sample = {"source": frames[0], "driver": frames[1:]}
        for label in ("pose", "expression", "landmarks"):
            sample[f"source_{label}"] = record[label][source]
            sample[f"driver_{label}"] = record[label][drivers]
        if "foreground" in record:
            sample["driver_foreground"] = clips.decode_masks(record, drivers, self.size)
        sample["identity"] = np.uint32(zlib.crc32(clips.text(record["identity"]).encode()))
        return sample

    def _source(self, pose: np.ndarray, generator: np.random.Generator) -> int:
        yaw = np.abs(pose[:, 0])
        frontal = np.flatnonzero(yaw < self.source_yaw)
        return int(generator.choice(frontal)) if len(frontal) else int(yaw.argmin())

    def _drivers(self, landmarks: np.ndarray, source: int, generator: np.random.Generator) -> np.ndarray:
        """(K,) frames; the candidates for each are others than those for the next, where there are enough."""
        offered = pick(len(landmarks), self.drivers * self.candidates, generator).reshape(self.drivers, -1)
        if self.candidates == 1:
            return offered[:, 0]
        away = unlikeness(landmarks, source)
        return np.take_along_axis(offered, away[offered].argmax(1)[:, None], 1)[:, 0]


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


def unlikeness(landmarks: np.ndarray, source: int) -> np.ndarray:
    """(T,) how unlike each frame's face is to that of frame `source`, for landmarks (T, N, 2).

    Mean distance of the landmarks over the face's size (root mean square from its middle) once both are centred, scaled
    and turned in the image plane to lie on each other (Procrustes): yaw, pitch and expression count, and what a camera
    does by moving, turning and zooming does not. 0 for frames without landmarks.
    """
    seen = np.isfinite(landmarks).all((1, 2))
    points = np.where(seen[:, None], landmarks[..., 0] + 1j * landmarks[..., 1], 0)
    points = points - points.mean(1, keepdims=True)
    points = points / np.maximum(np.sqrt((np.abs(points) ** 2).mean(1, keepdims=True)), 1e-9)
    overlap = points @ points[source].conj()
    turned = points * (overlap.conj() / np.maximum(np.abs(overlap), 1e-9))[:, None]
    return np.where(seen, np.abs(turned - points[source]).mean(1), 0).astype(np.float32)


def pick(count: int, wanted: int, generator: np.random.Generator) -> np.ndarray:
    """`wanted` of `count` indices, each at most once where there are enough."""
    return generator.choice(count, wanted, replace=count < wanted)


def expression_scale(source, records: int = 64, least: float = 0.1) -> np.ndarray:
    """(57,) standard deviation of the expression coefficients over the first records, at least `least`; `least` where
    they lack them (NaN)."""
    values = np.concatenate([source[i]["expression"] for i in range(min(records, len(source)))])
    known = values[np.isfinite(values).all(1)]
    return np.maximum(known.std(0) if len(known) else 0.0, np.full(values.shape[1], least)).astype(np.float32)


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
