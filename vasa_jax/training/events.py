"""TensorBoard events, written at once.

tensorboardX's SummaryWriter writes in a thread that a full disk ends; its queue then fills up and holds the training
for ever. A few scalars every N steps cost nothing here, and the error comes where it can be told.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event


class Events:
    """One events file in `folder`; the methods are named as in SummaryWriter."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self._add(summary.scalar(name, value), step)

    def add_image(self, name: str, picture: np.ndarray, step: int, dataformats: str = "HWC") -> None:
        """A picture (H, W, 3) uint8."""
        self._add(summary.image(name, picture, dataformats=dataformats), step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def _add(self, content: Any, step: int) -> None:
        self._writer.write_event(Event(summary=content, wall_time=time.time(), step=step))
