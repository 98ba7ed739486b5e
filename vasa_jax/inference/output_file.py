"""The file that is asked for: checked before the work starts, and there whole or not at all.

It is written under a hidden name beside its target and renamed when it is complete, so that neither an error nor an
interruption leaves half a file under the name that was asked for.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vasa_jax.errors import UserError

VIDEO_ENDINGS = (".mp4",)
STILL_ENDINGS = (".png", ".jpg", ".jpeg")


def check_target(path: str | Path, endings: tuple[str, ...] = VIDEO_ENDINGS) -> Path:
    """The path as given, once a file can be made there; to be called before the work starts.

    Raises:
      UserError: the name has none of the endings, the folder is missing or may not be written to.
    """
    path = Path(path)
    if path.suffix.lower() not in endings:
        raise UserError(f"the output ends in {' or '.join(endings)}, not {path.name or path}")
    if path.is_dir():
        raise UserError(f"the output is a folder: {path}")
    with _hidden_file(path):
        pass
    return path


def check_other_than(target: Path, inputs: Iterable[str | Path | None]) -> None:
    """UserError if the target is one of the files that are read; None stands for one that was not given."""
    for path in inputs:
        if path is not None and Path(path).resolve() == target.resolve():
            raise UserError(f"the output would replace the input {path}; name another --output")


@contextmanager
def whole_file(target: Path) -> Iterator[str]:
    """A fresh hidden file to write; it takes the target's name at the end, and is gone after an error.

    Raises:
      UserError: it cannot be written or renamed, for want of room or rights.
    """
    with _hidden_file(target) as hidden:
        try:
            yield hidden
            os.replace(hidden, target)
        except OSError as error:
            raise UserError(f"the output could not be written ({error.strerror}): {target}") from error


@contextmanager
def _hidden_file(target: Path) -> Iterator[str]:
    """Whoever does not rename it finds it gone afterwards."""
    try:
        handle, hidden = tempfile.mkstemp(prefix=f".{target.stem[:40]}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise UserError(f"the output cannot be written ({error.strerror}): {target}") from error
    os.close(handle)
    try:
        _give_usual_rights(hidden)
        yield hidden
    finally:
        Path(hidden).unlink(missing_ok=True)


def _give_usual_rights(path: str) -> None:
    """mkstemp makes private files; an output has the rights that any new file of this user has."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)
