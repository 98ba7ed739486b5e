"""Programs are compiled before anybody asks for them, beside a server that answers already."""

import logging
import threading

from vasa_jax.inference.animator import Animator

WARMING_UP, READY = "warming up", "ready"
log = logging.getLogger(__name__)


class Warming:
    """Of one animator; what needs its programs waits here, so that none is compiled twice.

    Args:
      wanted: else it is ready at once, and the first video and the first stream compile what they run.
    """

    def __init__(self, animator: Animator, wanted: bool):
        self._animator, self._ended = animator, threading.Event()
        if not wanted:
            self._ended.set()

    @property
    def state(self) -> str:
        """WARMING_UP or READY."""
        return READY if self._ended.is_set() else WARMING_UP

    def begin(self) -> None:
        """In a thread of its own, if it is wanted."""
        if not self._ended.is_set():
            threading.Thread(target=self._run, name="warming", daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Until it is over, or so many seconds; whether it is over."""
        return self._ended.wait(seconds)

    def _run(self) -> None:
        try:
            self._animator.warm_up()
        except Exception:  # whoever asks for a video is told what is wrong
            log.exception("warming up failed")
        finally:
            self._ended.set()
