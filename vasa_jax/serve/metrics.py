"""What a server has done so far, in the text format of Prometheus."""

import threading
from collections import Counter
from collections.abc import Mapping

NAMES = {
    "vasa_jax_answers_total": "HTTP answers by status",
    "vasa_jax_jobs_total": "jobs by the state in which they ended",
    "vasa_jax_job_seconds_total": "seconds that jobs ran",
    "vasa_jax_streams_total": "live streams by how they ended",
    "vasa_jax_frames_total": "frames that live streams have sent",
    "vasa_jax_jobs": "jobs that wait or run",
    "vasa_jax_streams": "live streams that are open",
}
GAUGES = ("vasa_jax_jobs", "vasa_jax_streams")


class Metrics:
    """Counts, from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def answer(self, status: int) -> None:
        self._add("vasa_jax_answers_total", 1, f'status="{status}"')

    def job(self, state: str, seconds: float) -> None:
        self._add("vasa_jax_jobs_total", 1, f'state="{state}"')
        self._add("vasa_jax_job_seconds_total", seconds)

    def stream(self, end: str, frames: int) -> None:
        self._add("vasa_jax_streams_total", 1, f'end="{end}"')
        self._add("vasa_jax_frames_total", frames)

    def text(self, gauges: Mapping[str, int]) -> str:
        """All counts, and these values of now by their names."""
        with self._lock:
            values = {**self._counts, **{(name, ""): value for name, value in gauges.items()}}
        lines = []
        for name, what in NAMES.items():
            lines += [f"# HELP {name} {what}", f"# TYPE {name} {'gauge' if name in GAUGES else 'counter'}"]
            found = sorted((labels, value) for (one, labels), value in values.items() if one == name)
            lines += [f"{name}{labels and f'{{{labels}}}'} {value:.15g}" for labels, value in found]
        return "\n".join(lines) + "\n"

    def _add(self, name: str, value: float | int, labels: str = "") -> None:
        with self._lock:
            self._counts[name, labels] += value
