"""A server over an animator that costs nothing: its frames tell by their brightness how loud their sound is."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra [app] is not installed")
pytest.importorskip("aiortc", reason="the extra [app] is not installed")

from starlette.testclient import TestClient, WebSocketTestSession
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from vasa_jax.errors import UserError
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.performance import Performance
from vasa_jax.inference.stream import Frame, Stream
from vasa_jax.provenance.record import Record, new_record
from vasa_jax.serve.app import build
from vasa_jax.serve.limits import Limits
from vasa_jax.serve.scratch import Scratch

SIZE, HOP = 32, 5
CONFIG = {"name": "fake", "face": {}, "motion": {}, "speech": {}}
RECORD = Record("fake", 7)


class FakeStream(Stream):
    """A frame as bright as its sound is loud, a hop at a time."""

    record, delay = RECORD, HOP / 25

    def __init__(self):  # no networks
        self.told, self._kept, self._index, self._finished = [], np.zeros(0, np.float32), 0, False

    @property
    def waiting(self) -> float:
        return len(self._kept) / 16_000

    def feed(self, samples: np.ndarray, sample_rate: int) -> None:
        if self._finished:
            raise UserError("the stream is finished: begin another one")
        mono = np.asarray(samples, np.float32) / (32_768 if samples.dtype.kind == "i" else 1)
        count = round(len(mono) * 16_000 / sample_rate)
        at = (np.arange(count) * sample_rate / 16_000).astype(int)
        self._kept = np.concatenate([self._kept, mono[at]])

    def rest(self, seconds: float) -> None:
        self._kept = np.concatenate([self._kept, np.zeros(round(16_000 * seconds), np.float32)])

    def change(self, **controls) -> None:
        self.told.append(controls)

    def interrupt(self) -> None:
        self._kept = self._kept[:0]

    def finish(self) -> None:
        self._finished = True
        self._kept = np.pad(self._kept, (0, -len(self._kept) % 640))

    def ready(self) -> Iterator[Frame]:
        while len(self._kept) >= 640 * (1 if self._finished else HOP):
            sound, self._kept = self._kept[:640], self._kept[640:]
            light = np.uint8(min(255, 60 + 600 * float(np.sqrt(np.mean(sound**2)))))
            yield Frame(self._index, np.full((SIZE, SIZE, 3), light), sound, np.zeros(9, np.float32))
            self._index += 1


class FakeAnimator(Animator):
    """`wait` is what every frame of a job takes, in seconds, until `hurry` is set."""

    image_size = SIZE

    def __init__(self):  # no networks
        self.checkpoint = SimpleNamespace(config=CONFIG)
        self.wait, self.asked, self.streams = 0.0, [], []
        self.hurry = threading.Event()

    def perform(self, portrait, speech, *, crop=True, progress, **controls) -> Performance:
        Controls(**controls)
        self.asked.append((portrait.shape, speech.length, speech.rate, crop, controls))
        if portrait.max() == 0:
            raise UserError("no face was found in the portrait")

        def draw(motions):
            for done, motion in enumerate(motions):
                progress("decode", done, speech.frames)
                self.hurry.wait(self.wait)
                yield np.zeros((len(motion), SIZE, SIZE, 3), np.uint8)

        record = new_record({**CONFIG, "format": 1}, {"portrait": portrait, "speech": speech.digest()})
        motions = (np.zeros((1, 9), np.float32) for _ in range(speech.frames))
        return Performance(lambda: motions, draw, speech.frames, record, {"decode": 0.0})

    def stream(self, portrait, *, crop=True, max_ahead=60.0, **controls) -> FakeStream:
        Controls(**controls)
        self.streams.append(FakeStream())
        return self.streams[-1]


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Keys and temporary files of the tests are their own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path


@pytest.fixture
def animator() -> FakeAnimator:
    return FakeAnimator()


@pytest.fixture
def talk():
    """talk(client, **headers): a socket to its streams."""

    @contextmanager
    def begin(client: TestClient, **headers) -> Iterator[WebSocketTestSession]:
        with suppress(CancelledError):  # of the test client, for a server that it left in the middle of its work
            with client.websocket_connect("ws://localhost/api/stream", headers=headers) as socket:
                yield socket

    return begin


@pytest.fixture
def serve(animator):
    """serve(token=None, **limits): a client of a server with these limits, which warms up if it is told to."""
    opened = []

    def begin(token: str | None = None, host: str = "localhost", warm_up: bool = False, **limits) -> TestClient:
        scratch = Scratch().__enter__()
        app = ProxyHeadersMiddleware(build(animator, scratch, Limits(**limits), token, warm_up=warm_up), "*")
        client = TestClient(app, base_url=f"http://{host}")
        opened.extend([scratch, client])
        client.scratch = scratch
        return client.__enter__()

    yield begin
    animator.hurry.set()
    for one in reversed(opened):
        one.__exit__(None, None, None)


@pytest.fixture
def real_address(own_folders):
    """Of the command itself, run with the weights that ship; it leaves nothing behind."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    words = [sys.executable, "-m", "vasa_jax.serve", "--port", str(port)]
    environment = {**os.environ, "TMPDIR": str(own_folders / "temporary")}
    server = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline().startswith(f"open http://127.0.0.1:{port}/")
    time.sleep(2)
    yield f"http://127.0.0.1:{port}/"
    server.terminate()
    assert server.wait(20) == 0
    assert list((own_folders / "temporary").iterdir()) == []
