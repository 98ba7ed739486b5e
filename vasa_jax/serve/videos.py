"""How a job becomes a video: the animator, then a file that is labelled, signed, read and gone."""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vasa_jax.inference.animator import Animator
from vasa_jax.inference.media_warning import MediaWarning
from vasa_jax.inference.performance import Progress
from vasa_jax.inference.sound import Sound
from vasa_jax.inference.video_file import default_size, write_video
from vasa_jax.provenance.label import Label
from vasa_jax.provenance.manifest import describe
from vasa_jax.serve.jobs import Job
from vasa_jax.serve.scratch import Scratch
from vasa_jax.serve.warming import Warming
from vasa_jax.types import FPS

TICK = 0.5  # seconds between looks whether the job is still wanted


def maker(animator: Animator, scratch: Scratch, label: Label, warming: Warming) -> Callable[[Job, Progress], None]:
    """What `jobs.Jobs` calls for each job."""

    def make(job: Job, progress: Progress) -> None:
        while not warming.wait(TICK):
            progress("warm up", 0, 1)
        progress("prepare", 0, 1)
        with noted(job.notes):
            sound = Sound.of(job.speech, job.rate)
            frames = animator.perform(
                job.portrait, sound, crop=job.wishes.crop, progress=progress, **job.wishes.controls
            )  # fmt: skip
        record = frames.record.agreed(job.wishes.consent)
        size = default_size(animator.image_size)
        with scratch.file(".mp4") as path:
            with frames:
                write_video(path, frames, sound, sound.rate, fps=FPS, size=size, label=label, record=record)
            job.video = path.read_bytes()
        job.marks, job.seconds = describe(record, label.words), frames.seconds

    return make


_notes = threading.local()


@contextmanager
def noted(notes: list[str]) -> Iterator[None]:
    """What this thread warns of in the meantime goes to that list; see `hear_warnings`."""
    _notes.here = notes
    try:
        yield
    finally:
        _notes.here = None


def hear_warnings() -> None:
    """To be called once a process: warnings belong to it and not to a thread, so they are told apart here."""
    warnings.simplefilter("ignore")
    warnings.simplefilter("always", MediaWarning)

    def show(message: Warning | str, *_: object, **__: object) -> None:
        notes = getattr(_notes, "here", None)
        if notes is not None and len(notes) < 10:
            notes.append(str(message))

    warnings.showwarning = show
