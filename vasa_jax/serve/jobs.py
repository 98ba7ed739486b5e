"""Videos in the order in which they were asked for, made by one thread: the device is one.

A job is dropped when its client takes it back, when nobody has asked for it for a while, or when it runs too long; a
running one stops at its next piece of progress. Finished videos wait in memory to be fetched, not for long.
"""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.inference.performance import Progress
from vasa_jax.serve.limits import Limits, Refused
from vasa_jax.serve.wishes import Wishes

WAITING, RUNNING, DONE, FAILED, DROPPED = "waiting", "running", "done", "failed", "dropped"
TICK = 1.0  # seconds between looks for jobs that nobody wants any more
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Job:
    """One video.

    Attributes:
      client: its address.
      portrait, speech, rate: as `Animator.perform` takes them; None once it has ended.
      id: a secret between server and client.
      state: WAITING, RUNNING, DONE, FAILED or DROPPED.
      progress: part, done and total of it.
      notes: what should be known of portrait or speech.
      error: one line, where it FAILED.
      video: the mp4, where it is DONE.
      marks: what was written into it, see `provenance.manifest.describe`.
      seconds: spent in each part.
      asked: when its client last asked for it, on the monotonic clock.
      ended: likewise, or None.
    """

    client: str
    portrait: np.ndarray | None
    speech: np.ndarray | None
    rate: int
    wishes: Wishes
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: str = WAITING
    progress: tuple[str, int, int] = ("wait", 0, 1)
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    video: bytes | None = None
    marks: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    asked: float = field(default_factory=time.monotonic)
    started: float = 0.0
    ended: float | None = None

    @property
    def is_open(self) -> bool:
        return self.state in (WAITING, RUNNING)


class Dropped(Exception):
    """The job that runs is not wanted any more."""


Make = Callable[[Job, Progress], None]


class Jobs:
    """The queue and its thread.

    Args:
      make: fills a job's video, marks, notes and seconds; calls the progress it is given often.
      counted: called with the state in which a job ended and the seconds that it ran.
    """

    def __init__(self, make: Make, limits: Limits, counted: Callable[[str, float], None]):
        self._make, self._limits, self._counted = make, limits, counted
        self._jobs: dict[str, Job] = {}
        self._queue: deque[Job] = deque()
        self._changed = threading.Condition(threading.RLock())
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def add(self, job: Job) -> Job:
        """Put it at the end of the queue.

        Raises:
          Refused: the client has enough of them (429), or the queue is full (503).
        """
        with self._changed:
            self.check_room(job.client)
            self._jobs[job.id] = job
            self._queue.append(job)
            self._changed.notify_all()
        return job

    def check_room(self, client: str) -> None:
        """Refused as by `add`, to be asked before an upload is decoded."""
        with self._changed:
            self._drop_the_forgotten()
            pending = [job for job in self._jobs.values() if job.is_open]
        if sum(job.client == client for job in pending) >= self._limits.client_jobs:
            raise Refused(429, "you have enough jobs here already; wait for one of them", retry_after=5)
        if len(pending) >= self._limits.queue:
            raise Refused(503, "the queue is full; try again", retry_after=10)

    def find(self, name: str) -> Job:
        """The job with that id, noted as asked for; Refused (404) if there is none."""
        with self._changed:
            self._drop_the_forgotten()
            job = self._jobs.get(name)
            if job is None:
                raise Refused(404, "there is no such job, or not any more")
            job.asked = time.monotonic()
            return job

    def place(self, job: Job) -> int:
        """How many jobs are made before it."""
        with self._changed:
            return self._queue.index(job) + 1 if job in self._queue else 0

    @property
    def pending(self) -> int:
        """Jobs that wait or run."""
        with self._changed:
            return sum(job.is_open for job in self._jobs.values())

    def remove(self, job: Job) -> None:
        """Drop it, and its video."""
        with self._changed:
            self._drop(job)
            self._jobs.pop(job.id, None)

    def close(self, seconds: float = 10.0) -> None:
        """Drop all and end the thread."""
        with self._changed:
            self._closing = True
            for job in list(self._jobs.values()):
                self.remove(job)
            self._changed.notify_all()
        self._thread.join(seconds)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._make(job, lambda part, done, total, job=job: self._progress(job, part, done, total))
                state = DONE
            except Dropped:
                state = DROPPED
            except UserError as error:
                state, job.error = FAILED, str(error)
            except Exception:
                log.exception("a job failed")
                state, job.error = FAILED, "something went wrong here; the server's log says what"
            self._end(job, state)

    def _next(self) -> Job | None:
        """The next job, now running; None when the server closes."""
        with self._changed:
            while not self._closing:
                self._drop_the_forgotten()
                if self._queue:
                    job = self._queue.popleft()
                    job.state, job.started = RUNNING, time.monotonic()
                    return job
                self._changed.wait(TICK)
            return None

    def _progress(self, job: Job, part: str, done: int, total: int) -> None:
        with self._changed:
            self._drop_the_forgotten()
            job.progress = part, done, total
            if job.state == DROPPED:
                raise Dropped
            if time.monotonic() - job.started > self._limits.job_seconds:
                raise UserError(f"the job ran longer than {self._limits.job_seconds:g} s; give a shorter speech")

    def _end(self, job: Job, state: str) -> None:
        with self._changed:
            if job.state == RUNNING:
                job.state = state
            if job.state != DONE:
                job.video = None
            job.ended, job.portrait, job.speech = time.monotonic(), None, None
            self._counted(job.state, job.ended - job.started)

    def _drop(self, job: Job) -> None:
        if job.state == WAITING:
            self._queue.remove(job)
            job.ended, job.portrait, job.speech = time.monotonic(), None, None
            self._counted(DROPPED, 0.0)
        if job.is_open:
            job.state = DROPPED

    def _drop_the_forgotten(self) -> None:
        now = time.monotonic()
        for job in list(self._jobs.values()):
            if job.is_open and now - job.asked > self._limits.forgotten_seconds:
                self._drop(job)
        ended = [job for job in self._jobs.values() if job.ended is not None]
        ended.sort(key=lambda job: job.ended)
        for index, job in enumerate(reversed(ended)):
            if index >= self._limits.kept or now - job.ended > self._limits.kept_seconds:
                del self._jobs[job.id]
