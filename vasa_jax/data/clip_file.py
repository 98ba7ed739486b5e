"""A clip's record in a file of its own, while a data set is being made; it is there whole or not at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np


def store(file: Path, record: dict[str, Any]) -> None:
    """Writes a record of data.clips: arrays as they are, frames as their JPEG bytes, the rest as JSON."""
    arrays = {name: value for name, value in record.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in record.items() if name not in arrays and name != "frames"}
    partial = file.with_suffix(".part")
    with partial.open("wb") as stream:
        np.savez(
            stream,
            **{"/rest": np.frombuffer(json.dumps(rest, default=float).encode(), np.uint8)},
            **{"/frames": np.frombuffer(b"".join(record["frames"]), np.uint8)},
            **{"/lengths": np.array([len(frame) for frame in record["frames"]])},
            **arrays,
        )
    partial.rename(file)


def load(file: Path) -> dict[str, Any]:
    """The record that `store` wrote."""
    with np.load(file) as data:
        record = json.loads(data["/rest"].tobytes())
        joined, ends = data["/frames"].tobytes(), np.cumsum(data["/lengths"])
        starts = ends - data["/lengths"]
        record["frames"] = [joined[start:end] for start, end in zip(starts, ends, strict=True)]
        return record | {name: data[name] for name in data.files if not name.startswith("/")}
