"""Uvicorn, set up so that limits hold and everything is put away when it ends."""

import signal
import threading
from contextlib import suppress
from socket import socket
from typing import Any

import uvicorn

from vasa_jax.serve.connection import impatient
from vasa_jax.serve.limits import Limits

GRACE = 5  # seconds for answers that are on their way when the server is told to end


def server_of(app: Any, limits: Limits, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Server:
    """A server that is not running yet."""
    config = uvicorn.Config(
        app, host, port, http=impatient(limits), log_level="warning", server_header=False,
        limit_concurrency=limits.connections, timeout_keep_alive=5, ws_max_size=limits.picture_bytes,
        timeout_graceful_shutdown=GRACE,
    )  # fmt: skip
    return uvicorn.Server(config)


def run(server: uvicorn.Server, sockets: list[socket] | None = None) -> None:
    """Until it is interrupted or terminated; returns then, so that contexts around it are left in order."""
    if threading.current_thread() is threading.main_thread():
        # uvicorn sends itself again what ended it, once it has ended
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server.run(sockets)
