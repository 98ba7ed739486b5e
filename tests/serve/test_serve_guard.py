"""Who may ask: names, origins, tokens; and what a slow or a stuck client costs."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from made_uploads import form
from starlette.websockets import WebSocketDisconnect

from vasa_jax.errors import UserError
from vasa_jax.serve.__main__ import check_token, main
from vasa_jax.serve.guard import Guard
from vasa_jax.serve.limits import Limits
from vasa_jax.serve.scratch import PREFIX, Scratch

TOKEN = "a-token-of-some-length"
ASKED = {"authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860"])
def test_without_a_token_this_machine_may_ask(serve, host):
    assert serve().get("/api/about", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_a_name_that_leads_here_from_elsewhere_is_refused(serve, host):
    assert serve().get("/api/about", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:9999", ""])
def test_pages_of_others_are_refused(serve, talk, animator, origin):
    client = serve()
    assert client.post("/api/jobs", **form(), headers={"origin": origin}).status_code == 403
    with pytest.raises(WebSocketDisconnect), talk(client, origin=origin):
        pass
    assert animator.asked == []


def test_the_own_page_may_ask(serve):
    assert serve().post("/api/jobs", **form(), headers={"origin": "http://localhost"}).status_code == 202


def test_with_a_token_every_address_but_health_asks_for_it(serve, talk):
    client = serve(token=TOKEN, host="faces.example")
    for path in ("/", "/main.js", "/metrics", "/api/about", "/api/jobs/x"):
        assert client.get(path).status_code == 401, path
        assert client.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401, path
    assert client.get("/health").status_code == 200
    assert client.get("/api/about", headers=ASKED).status_code == 200
    with pytest.raises(WebSocketDisconnect), talk(client):
        pass
    with talk(client, **ASKED) as socket:
        socket.send_json({"portrait": "bundled"})
        assert socket.receive_json()["ready"]


def test_the_token_in_the_address_becomes_a_cookie(serve):
    client = serve(token=TOKEN, host="faces.example")
    assert client.get("/?token=wrong", follow_redirects=False).status_code == 401
    answer = client.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, ".")
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert client.get("/api/about").status_code == 200
    assert client.post("/api/jobs", **form(), headers={"origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("host", "token", "right"),
    [
        ("127.0.0.1", None, True), ("localhost", None, True), ("::1", None, True), ("0.0.0.0", None, False),
        ("192.168.1.2", None, False), ("example.org", None, False), ("::", None, False), ("0.0.0.0", TOKEN, True),
        ("127.0.0.1", "short", False), ("127.0.0.1", "a token with some spaces", False),
    ],
)  # fmt: skip
def test_another_address_needs_a_token_that_cannot_be_guessed(host, token, right):
    if right:
        assert check_token(host, token) == token
    else:
        with pytest.raises(UserError, match="token"):
            check_token(host, token)


def test_the_command_leaves_with_one_line(capsys, monkeypatch):
    monkeypatch.delenv("VASA_JAX_TOKEN", raising=False)
    with pytest.raises(SystemExit) as left:
        main(["--host", "0.0.0.0"])
    said = capsys.readouterr().err
    assert left.value.code == 2
    wanted = "give --token, or set VASA_JAX_TOKEN, to what clients must say"
    assert said == f"serve: 0.0.0.0 can be reached from elsewhere: {wanted}\n"


def test_without_the_extra_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "vasa_jax.serve.app", None)
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    assert capsys.readouterr().err.endswith("pip install 'vasa-jax[app]'\n")


def ask(app, receive, send, headers=()):
    scope = {
        "type": "http", "path": "/", "query_string": b"", "scheme": "http", "method": "POST",
        "headers": [(b"host", b"localhost"), *headers],
    }  # fmt: skip
    guard = Guard(app, None, Limits(receive_seconds=0.1, send_seconds=0.1), lambda status: None)
    asyncio.run(guard(scope, receive, send))


def test_a_request_that_never_ends_is_answered_in_time():
    async def reading(scope, receive, send):
        while (await receive())["more_body"]:
            pass

    async def receive():
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b"a", "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    ask(reading, receive, send)
    assert sent[0]["status"] == 408
    assert sent[1]["body"] == b'{"error":"the request was not complete in 0.1 s"}'


def test_an_answer_that_is_not_taken_is_given_up():
    async def answering(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"video"})

    sent = []

    async def send(message):
        sent.append(message["type"])
        await asyncio.sleep(3600 if len(sent) == 2 else 0)

    async def receive():
        raise AssertionError("nobody reads")

    ask(answering, receive, send)
    assert sent == ["http.response.start", "http.response.body"]


def test_what_a_killed_server_left_is_removed_by_the_next(own_folders):
    script = """
import os, sys
from vasa_jax.serve.scratch import Scratch
scratch = Scratch().__enter__()
(scratch.folder / "video.mp4").write_bytes(b"half")
print(scratch.folder, flush=True)
sys.stdin.read()
"""
    environment = {**os.environ, "TMPDIR": str(own_folders / "temporary"), "PYTHONPATH": os.getcwd()}
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    left = process.stdout.readline().strip()
    with Scratch() as running:
        found = {str(path) for path in (own_folders / "temporary").glob(f"{PREFIX}*")}
        assert found == {left, str(running.folder)}, "a living server keeps its folder"
    process.send_signal(signal.SIGKILL)
    process.wait()
    with Scratch() as running:
        assert list((own_folders / "temporary").glob(f"{PREFIX}*")) == [running.folder]
    assert list((own_folders / "temporary").iterdir()) == []
