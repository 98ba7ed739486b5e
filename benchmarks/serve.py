"""What the server bears: `python -m benchmarks.serve`, with the extra [app] installed.

    python -m benchmarks.serve --uploads 200 --clients 50

Starts the server's application in a process of its own, over an animator that draws grey frames, so that what is
measured is the server: receiving, decoding, the queue, writing and signing. First hostile uploads, one after the other
(see `hostile`), then so many clients at once, each of which wants a video and tries again when it is told to wait.
Prints answers by status, the slowest, the memory of server and decoders, and what is left on the disk. Exit status 1
where the server died, an answer was missing or a file was left.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psutil

from benchmarks.hostile import BROKEN, made, picture, sound

SERVER = """
import socket
from benchmarks.grey import GreyAnimator
from vasa_jax.serve.app import build
from vasa_jax.serve.limits import Limits
from vasa_jax.serve.run import run, server_of
from vasa_jax.serve.scratch import Scratch
with Scratch() as scratch, socket.socket() as listening:
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    run(server_of(build(GreyAnimator(), scratch, Limits()), Limits()), [listening])
"""
PATIENCE = 120.0  # seconds


class Watch(threading.Thread):
    """The most memory, in MB, that a process took, and the most of one of its children."""

    def __init__(self, process: int):
        super().__init__(daemon=True)
        self._process, self.ended = psutil.Process(process), threading.Event()
        self.own = self.child = 0.0

    def run(self) -> None:
        while not self.ended.wait(0.05):
            try:
                self.own = max(self.own, self._process.memory_info().rss / 2**20)
                for child in self._process.children():
                    self.child = max(self.child, child.memory_info().rss / 2**20)
            except psutil.Error:
                continue


def send(address: str, name: str, portrait: bytes, speech: bytes, client: str = "10.0.0.1") -> tuple[int, float]:
    """Status, 0 for an answer that did not come, and seconds."""
    start = time.monotonic()
    files = {"portrait": (name, portrait), "speech": (name, speech)}
    try:
        headers = {"x-forwarded-for": client}
        answer = httpx2.post(f"{address}/api/animate", files=files, headers=headers, timeout=PATIENCE)
        status = answer.status_code
    except httpx2.HTTPError:
        status = 0
    return status, time.monotonic() - start


def insist(address: str, client: int) -> tuple[list[int], float]:
    """Ask until there is a video; the statuses on the way, and seconds."""
    start, statuses = time.monotonic(), []
    while time.monotonic() - start < PATIENCE:
        status, _ = send(address, "me.png", picture(), sound(), f"10.0.1.{client}")
        statuses.append(status)
        if status not in (429, 503):
            break
        time.sleep(1.0)
    return statuses, time.monotonic() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--clients", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder, "XDG_CONFIG_HOME": f"{folder}/config", "JAX_PLATFORMS": "cpu"}
        server = subprocess.Popen([sys.executable, "-c", SERVER], env=environment, stdout=subprocess.PIPE, text=True)
        address = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        first, _ = send(address, "me.png", picture(), sound())
        watch = Watch(server.pid)
        before = psutil.Process(server.pid).memory_info().rss / 2**20
        watch.start()
        right = first == 200 and hostile(address, arguments.uploads)
        right &= crowd(address, arguments.clients)
        watch.ended.set()
        left = [path.name for path in Path(folder).glob("vasa_jax-serve-*/*") if path.name != "lock"]
        lives = server.poll() is None and httpx2.get(f"{address}/health").status_code == 200
        print(f"memory: {before:.0f} MB before, {watch.own:.0f} MB at most; a decoder {watch.child:.0f} MB at most")
        print(f"the server {'lives' if lives else 'DIED'}; files left: {left or 'none'}")
        server.terminate()
        server.wait(20)
        gone = not list(Path(folder).glob("vasa_jax-serve-*"))
        print(f"its folder is {'gone' if gone else 'STILL THERE'} after it ended")
    return 0 if right and lives and gone and not left else 1


def hostile(address: str, count: int) -> bool:
    """Whether each was answered, and none by an error of the server's own."""
    found = [(kind, *send(address, name, portrait, speech)) for kind, name, portrait, speech in made(count)]
    for kind, status, seconds in found:
        if kind != BROKEN:
            print(f"  {kind}: {status} in {seconds:.1f} s")
    slowest = max(found, key=lambda one: one[2])
    print(f"{count} hostile uploads, answers by status: {dict(Counter(status for _, status, _ in found))}")
    print(f"slowest: {slowest[2]:.1f} s, {slowest[0]}")
    return all(0 < status != 500 for _, status, _ in found)


def crowd(address: str, clients: int) -> bool:
    """Whether each had its video in the end."""
    if not clients:
        return True
    with ThreadPoolExecutor(clients) as threads:
        found = list(threads.map(lambda client: insist(address, client), range(clients)))
    answers = Counter(status for statuses, _ in found for status in statuses)
    print(f"{clients} clients at once, answers by status: {dict(answers)}")
    print(f"the last one had its video after {max(seconds for _, seconds in found):.1f} s")
    return all(statuses[-1] == 200 for statuses, _ in found)


if __name__ == "__main__":
    raise SystemExit(main())
