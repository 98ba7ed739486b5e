"""A server that warms up answers meanwhile, and what needs the programs waits for them."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from made_uploads import form

from vasa_jax.serve import __main__ as command


@pytest.fixture
def slow_start(animator, monkeypatch):
    """The animator's warm-up, which lasts until this is set; what has begun until then is a mistake."""
    release = threading.Event()
    monkeypatch.setattr(animator, "warm_up", lambda: release.wait(60), raising=False)
    yield release
    release.set()


def told(client, job):
    return client.get(f"/api/jobs/{job['id']}").json()


def until(true):
    ends = time.monotonic() + 30
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_video_waits_until_the_server_is_warm(serve, animator, slow_start):
    client = serve(warm_up=True)
    assert client.get("/health").json()["state"] == client.get("/api/about").json()["state"] == "warming up"
    dropped, kept = (client.post("/api/jobs", **form()).json() for _ in range(2))
    until(lambda: told(client, dropped)["part"] == "warm up")
    assert client.delete(f"/api/jobs/{dropped['id']}").status_code == 204
    until(lambda: told(client, kept)["part"] == "warm up")  # the first one is out of the way
    assert animator.asked == []
    slow_start.set()
    until(lambda: told(client, kept)["state"] == "done")
    assert len(animator.asked) == 1
    assert client.get("/health").json()["state"] == client.get("/api/about").json()["state"] == "ready"


def test_a_stream_waits_too(serve, talk, animator, slow_start):
    with talk(serve(warm_up=True)) as socket:
        socket.send_text(json.dumps({"portrait": "bundled", "sample_rate": 16000}))
        time.sleep(0.3)
        assert animator.streams == []
        slow_start.set()
        assert json.loads(socket.receive_text())["ready"]


def test_where_it_fails_the_server_works_all_the_same(serve, animator, monkeypatch):
    def fail():
        raise MemoryError

    monkeypatch.setattr(animator, "warm_up", fail, raising=False)
    client = serve(warm_up=True)
    until(lambda: client.get("/health").json()["state"] == "ready")
    assert client.post("/api/animate", **form()).status_code == 200


def test_without_it_the_server_is_ready_at_once(serve, animator, monkeypatch):
    monkeypatch.setattr(animator, "warm_up", lambda: pytest.fail("nobody asked for it"), raising=False)
    assert serve().get("/health").json()["state"] == "ready"


@pytest.mark.parametrize(("words", "wanted"), [([], True), (["--no_warmup"], False)])
def test_the_command_warms_up_unless_it_is_told_not_to(words, wanted, monkeypatch):
    given = []
    monkeypatch.setattr("vasa_jax.inference.loading.load", lambda *_: SimpleNamespace())
    monkeypatch.setattr("vasa_jax.serve.app.build", lambda *_, **named: given.append(named))
    monkeypatch.setattr("vasa_jax.serve.run.run", lambda *_: None)
    command.main(words)
    assert given == [{"warm_up": wanted}]


@pytest.mark.slow
def test_a_server_that_is_ended_while_it_warms_up_ends_well(own_folders):
    """As by an init system or Ctrl-C soon after the start, when a thread is within the compiler."""
    environment = {**os.environ, "TMPDIR": str(own_folders / "temporary"), "XDG_CACHE_HOME": str(own_folders / "cache")}
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    words = [sys.executable, "-m", "vasa_jax.serve", "--port", str(port)]
    server = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline().startswith("open ")
    time.sleep(5)  # nothing is in the cache: it compiles
    server.terminate()
    assert server.wait(60) == 0
    assert list((own_folders / "temporary").iterdir()) == []
