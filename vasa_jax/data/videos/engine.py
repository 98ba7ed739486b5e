"""What runs the work: Apache Beam, on the cores of this machine or on a cluster."""

import argparse
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vasa_jax.data.videos.one_video import Readers
from vasa_jax.data.videos.parts import prepare_video
from vasa_jax.data.videos.settings import Settings
from vasa_jax.errors import UserError

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Engine:
    """Beam with the flags that a user gave it; without any, DirectRunner with a process for each core.

    Args:
      flags: Beam's own.

    Raises:
      UserError: apache-beam is not installed, or knows no such flag.
    """

    def __init__(self, flags: Sequence[str] = ()):
        try:
            from apache_beam.options.pipeline_options import PipelineOptions
        except ImportError:
            raise UserError("videos need apache-beam: pip install 'vasa-jax[videos]'") from None
        check(flags)
        self._flags = list(flags)
        if not any(flag.split("=")[0] == "--runner" for flag in self._flags):
            self._flags += ["--runner=DirectRunner"]
            self._flags += [] if any("--direct_" in flag for flag in self._flags) else local_flags(os.cpu_count() or 1)
        self.options = PipelineOptions(self._flags)
        self._runner = self.options.get_all_options()["runner"]

    def map(self, name: str, function: Callable[[Any], Any], items: Sequence[Any]) -> None:
        """function(item) of each item, in any order, on any worker; what it returns is dropped."""
        import apache_beam as beam

        with beam.Pipeline(options=self.options) as pipeline:
            _ = (
                pipeline
                | f"{name}: list" >> beam.Create(list(items))
                | f"{name}: spread" >> beam.Reshuffle()
                | name >> beam.Map(function)
            )

    def download_config(self) -> Any:
        """What a TFDS builder needs to write its shards with this engine."""
        import tensorflow_datasets as tfds

        return tfds.download.DownloadConfig(beam_runner=self._runner, beam_options=self.options)


def check(flags: Sequence[str]) -> None:
    """UserError for a flag that Beam does not know, which would be left out in silence."""
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, conflict_handler="resolve")
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)  # the hook by which Beam's own parser asks them
    _, unknown = parser.parse_known_args(list(flags))
    if unknown:
        raise UserError(f"unknown flag {unknown[0]}: neither of this command (--help) nor of Apache Beam")


def local_flags(processes: int) -> list[str]:
    """Beam's flags for that many processes of this machine."""
    if processes == 1:
        return []
    return [
        f"--direct_num_workers={processes}",
        "--direct_running_mode=multi_processing",
        "--default_sdk_harness_log_level=ERROR",
    ]


@functools.cache
def _readers(settings: Settings) -> Readers:
    """Made once a process."""
    return Readers.open(settings)


def prepare_one(video: str, videos: str, settings: Settings, work: str) -> None:
    """parts.prepare_video in a worker process."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")  # the workers take the cores
    prepare_video(Path(videos), video, settings, _readers(settings), Path(work))
