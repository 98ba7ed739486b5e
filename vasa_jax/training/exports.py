"""The averaged weights as they leave a training: copied at once, written in the background."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vasa_jax import room_weights


class Exports:
    """The newest weights of one run, in `folder` as vasa_jax.room_weights writes them."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._writer = ThreadPoolExecutor(1, "export")
        self._last: Future | None = None

    def save(self, about: Mapping[str, Any], params: Any) -> None:
        """Every host calls it at the same step. The next save, or `close`, raises what went wrong in the background."""
        self._wait()
        copied = jax.tree.map(lambda x: np.array(room_weights.whole(x)), params)  # the step reuses the memory
        self._last = self._writer.submit(room_weights.save_room, self._folder, about, copied)

    def close(self) -> None:
        """Waits for what is being written."""
        self._writer.shutdown()
        self._wait()

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()
