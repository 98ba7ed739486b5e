"""SIGTERM as a wish to stop after the step, which several processes fulfil after the same one."""

import signal
import threading

import jax
from jax.experimental import multihost_utils


class Stopping:
    """Whether SIGTERM has asked for an end. Elsewhere than in the main thread it is not heard."""

    def __init__(self):
        self._asked = threading.Event()
        self._several = jax.process_count() > 1  # jax.distributed then listens to SIGTERM itself
        self._before = None
        if not self._several and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, lambda *_: self._asked.set())

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def after(self, step: int) -> bool:
        """Whether to stop after a step. Every process calls it after each, and they agree."""
        if self._several and multihost_utils.reached_preemption_sync_point(step):
            self._asked.set()
        return self.asked

    def close(self) -> None:
        """SIGTERM does again what it did before."""
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
