"""The server on a real port: what a test client in the same process cannot show."""

import json
import socket
import threading
import time

import pytest
from websockets.sync.client import connect

from vasa_jax.serve.app import build
from vasa_jax.serve.limits import Limits
from vasa_jax.serve.run import run, server_of
from vasa_jax.serve.scratch import Scratch


@pytest.fixture
def port(animator):
    """Of a server that waits for a request's head for 0.5 s, and answers 8 connections at a time."""
    limits = Limits(head_seconds=0.5, connections=8)
    with Scratch() as scratch, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = build(animator, scratch, limits)
        server = server_of(app, limits)
        thread = threading.Thread(target=run, args=(server, [listening]))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def seconds_open(client: socket.socket, trickle: bytes) -> float:
    """How long the server bears a client that sends a byte at a time."""
    start = time.monotonic()
    client.settimeout(0.05)
    for letter in range(200):
        try:
            if trickle:
                client.sendall(trickle[letter % len(trickle) :][:1])
            if client.recv(1000) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - start


@pytest.mark.parametrize("trickle", [b"", b"GET / HTTP/1.1\r\nX: " + b"a" * 500])
def test_a_client_that_does_not_ask_is_let_go(port, trickle):
    with socket.create_connection(("127.0.0.1", port)) as client:
        assert 0.4 < seconds_open(client, trickle) < 3


def test_one_that_trickles_its_second_request_is_let_go_too(port):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in client.recv(1000)
        assert seconds_open(client, b"GET / HTTP/1.1\r\nX: " + b"a" * 500) < 3


def test_a_socket_and_a_long_answer_may_last_longer_than_a_head(port, animator):
    with connect(f"ws://localhost:{port}/api/stream") as talking:
        talking.send(json.dumps({"portrait": "bundled"}))
        assert json.loads(talking.recv())["ready"]
        time.sleep(1.0)
        talking.send(json.dumps({"rest": 0.2}))
        assert len(talking.recv(timeout=2)) > 1000


def test_too_many_connections_are_refused(port):
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(9)]
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"503" in client.recv(1000)
    for one in held:
        one.close()


def test_hundred_megabytes_are_refused_without_being_taken(port):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n")
        client.settimeout(5)
        assert b"413" in client.recv(1000)
