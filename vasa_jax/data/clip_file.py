"""A clip's record in a file of its own, while a data set is being made; it is there whole or not at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np

LENGTHS = {"frames": "/lengths", "foreground": "/foreground_lengths"}  # where the bytes of each picture end


def store(file: Path, record: dict[str, Any]) -> None:
    """Writes a record of data.clips: arrays as they are, pictures as their JPEG bytes, the rest as JSON."""
    arrays = {name: value for name, value in record.items() if isinstance(value, np.ndarray)}
    pictures = {name: record[name] for name in LENGTHS if name in record}
    rest = {name: value for name, value in record.items() if name not in arrays | pictures}
    partial = file.with_suffix(".part")
    with partial.open("wb") as stream:
        np.savez(
            stream,
            **{"/rest": np.frombuffer(json.dumps(rest, default=float).encode(), np.uint8)},
            **{f"/{name}": np.frombuffer(b"".join(some), np.uint8) for name, some in pictures.items()},
            **{LENGTHS[name]: np.array([len(one) for one in some]) for name, some in pictures.items()},
            **arrays,
        )
    partial.rename(file)


def load(file: Path) -> dict[str, Any]:
    """The record that `store` wrote."""
    with np.load(file) as data:
        record = json.loads(data["/rest"].tobytes())
        for name in (name for name in LENGTHS if f"/{name}" in data):
            joined, ends = data[f"/{name}"].tobytes(), np.cumsum(data[LENGTHS[name]])
            starts = ends - data[LENGTHS[name]]
            record[name] = [joined[start:end] for start, end in zip(starts, ends, strict=True)]
        return record | {name: data[name] for name in data.files if not name.startswith("/")}
