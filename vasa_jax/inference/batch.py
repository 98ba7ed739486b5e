"""Many videos in one call: a table of jobs, shared programs, the devices of the host side by side.

A row is understood as the command line of one video: the flags beside `--batch`, and then its cells. A job that fails
is told in one line and stops no other.
"""

import argparse
import csv
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from vasa_jax.errors import UserError
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.flags import understood
from vasa_jax.inference.from_flags import controls_of
from vasa_jax.inference.output_file import check_target
from vasa_jax.inference.speak import carry_out, read_order

COLUMNS = ("output", "source", "audio", "consent", *(field.name for field in fields(Controls)))
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True)
class Job:
    """One video of a table.

    Attributes:
      place: the table's name and the line.
      arguments: its flags; None where they cannot be understood.
      mistake: what is wrong then.
    """

    place: str
    arguments: argparse.Namespace | None = None
    mistake: str = ""


def read_jobs(arguments: argparse.Namespace) -> list[Job]:
    """The jobs of the table that `arguments.batch` names.

    Raises:
      UserError: it cannot be read, has no rows, no column "output", or one that is unknown.
    """
    path = Path(arguments.batch)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, skipinitialspace=True)
            _check_columns(table.fieldnames or (), path)
            rows = [(table.line_num, row) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"the table of jobs cannot be read: {path}") from error
    if not rows:
        raise UserError(f"the table of jobs has no rows: {path}")
    shared, taken = _without_batch(arguments.words), {}
    return [_job(f"{path.name} line {line}", row, shared, taken) for line, row in rows]


def work(jobs: Sequence[Job], animators: Sequence[Any], say: Callable[[str], None]) -> int:
    """Do the jobs, one at a time on each animator.

    Args:
      say: tells of a job that failed; of one that is done a line is printed.

    Returns:
      How many failed.
    """
    run = _Run(jobs, say)
    threads = [threading.Thread(target=run.work, args=(animator,), name="batch") for animator in animators]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        run.stopped.set()
        for thread in threads:
            thread.join()
        raise
    return run.failed


class _Stopped(Exception):
    """Ends a job whose batch was interrupted."""


class _Run:
    """What the threads of a batch share."""

    def __init__(self, jobs: Sequence[Job], say: Callable[[str], None]):
        self.stopped, self.failed = threading.Event(), 0
        self._jobs, self._say, self._lock = SimpleQueue(), say, threading.Lock()
        for job in jobs:
            self._jobs.put(job)

    def work(self, animator: Any) -> None:
        """Take jobs until there are none."""
        for job in self._left():
            try:
                line = self._done(job, animator)
            except _Stopped:
                return
            except UserError as error:
                self._fail(job, str(error))
            except Exception as error:  # a mistake of ours stops no other job either
                self._fail(job, f"{type(error).__name__}: {error}".splitlines()[0])
            else:
                with self._lock:
                    print(line, flush=True)

    def _left(self) -> Iterator[Job]:
        while not self.stopped.is_set():
            try:
                yield self._jobs.get_nowait()
            except Empty:
                return

    def _done(self, job: Job, animator: Any) -> str:
        if job.arguments is None:
            raise UserError(job.mistake)
        start = time.perf_counter()
        count, _ = carry_out(read_order(job.arguments), animator, self._progress)
        return f"{job.arguments.output}: {count} frames in {time.perf_counter() - start:.1f} s"

    def _progress(self, *_: object) -> None:
        if self.stopped.is_set():
            raise _Stopped

    def _fail(self, job: Job, why: str) -> None:
        with self._lock:
            self.failed += 1
            self._say(f"error: {job.place}: {why}")


def _check_columns(names: Sequence[str], path: Path) -> None:
    if unknown := [name for name in names if name not in COLUMNS]:
        raise UserError(f"no column is called {unknown[0]!r}; there are {', '.join(COLUMNS)}: {path}")
    if "output" not in names:
        raise UserError(f"the table of jobs has no column 'output': {path}")


def _without_batch(words: Sequence[str]) -> list[str]:
    """The command's words but --batch and its table."""
    kept, skip = [], False
    for word in words:
        if not skip and word != "--batch" and not word.startswith("--batch="):
            kept.append(word)
        skip = word == "--batch"
    return kept


def _job(place: str, row: dict[str | None, Any], shared: Sequence[str], taken: dict[Path, str]) -> Job:
    """One row, understood and checked as far as that costs nothing.

    Args:
      taken: outputs of rows before and their places; this one's is added.
    """
    try:
        if None in row or None in row.values():
            raise UserError("the row has more or fewer cells than there are columns")
        arguments = understood([*shared, *_words(row)])
        if not row["output"]:
            raise UserError("the row names no output")
        controls_of(arguments)
        target = check_target(arguments.output).resolve()
        if target in taken:
            raise UserError(f"its output is that of {taken[target]}: {arguments.output}")
    except UserError as error:
        return Job(place, mistake=str(error))
    taken[target] = place
    return Job(place, arguments)


def _words(row: dict[str, str]) -> Iterator[str]:
    """The cells as flags; an empty one is none."""
    for name, cell in row.items():
        if not cell:
            continue
        if name != "fast":
            yield f"--{name}={cell}"
        elif cell.lower() in YES:
            yield "--fast"
        elif cell.lower() not in NO:
            raise UserError(f"fast is yes or no, not {cell!r}")
