"""The one folder that a server writes to, for the moment in which a video becomes a file and is signed.

It is private and has a random name; what is in it is gone after each answer, the folder itself when the server ends. A
server that was killed cannot clean up: the next one does, which knows the folders of the dead by their free locks.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PREFIX, LOCK = "vasa_jax-serve-", "lock"


class Scratch:
    """A context that holds the folder; entering it also removes those of servers that were killed."""

    def __enter__(self) -> "Scratch":
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = open(self.folder / LOCK, "w")
        _lock(self._lock)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def file(self, ending: str) -> Iterator[Path]:
        """A path for a file, in a folder of its own, which is gone afterwards with all that is in it."""
        with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as folder:
            yield Path(folder) / f"file{ending}"


def sweep() -> None:
    """Remove the folders of servers that do not run any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with open(folder / LOCK, "r+") as file:
                if not _lock(file):
                    continue
        except OSError:  # of another user, or just being made
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _lock(file: Any) -> bool:
    """Whether the file is locked for this process now; where files cannot be locked, none counts as free."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
