"""HTTP connections that do not wait for ever: a client that connects and then asks nothing, or asks a letter at a time,
is let go. What comes after a request's head is watched by `guard`."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from vasa_jax.serve.limits import Limits


def impatient(limits: Limits) -> type[H11Protocol]:
    """A protocol for uvicorn: the head of each request is in after `limits.head_seconds`."""

    class Impatient(H11Protocol):
        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_waiting()
            elif self._waiting is None:
                self._wait()

        def connection_lost(self, error: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(error)

        def _wait(self) -> None:
            self._waiting = self.loop.call_later(limits.head_seconds, self._let_go)

        def _let_go(self) -> None:
            self._waiting = None
            if self.transport.get_protocol() is self:  # and not a WebSocket by now
                self.transport.close()

        def _stop_waiting(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return Impatient
