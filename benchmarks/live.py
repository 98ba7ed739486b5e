"""A live conversation in a real browser, by the weights: `python -m benchmarks.live --seconds 30`.

Starts `python -m vasa_jax.serve`, waits until it is warm, opens its page in a headless Chromium whose microphone says
the bundled sentence over and over, and talks. Printed: frames a second that the browser decoded and that it dropped;
from when sound reached the server to when its frame left it, twice a second, and beside it network and the browser's
buffer; the seconds of sound that were left out because the server could not keep up; by how much the picture is ahead
of the sound, by the browser's own clocks; and processor time of server and browser, which share the machine's cores
here as they do not where people use it. Needs the extra [app], playwright and a chromium. Status 1 if sound was left
out.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import psutil

from benchmarks.browser import AHEAD, KEEP_PEER, browser_page, microphone_file
from benchmarks.timing import table

EVERY = 0.5  # seconds between looks
SETTLE = 5.0  # seconds in which picture and sound come into step
RECEIVED = """async () => {
  const found = {};
  for (const part of (await window.peer.getStats()).values()) {
    if (part.type === "candidate-pair" && part.nominated) found.trip = part.currentRoundTripTime ?? 0;
    if (part.type !== "inbound-rtp" || part.kind !== "video") continue;
    found.frames = part.framesDecoded ?? 0;
    found.dropped = part.framesDropped ?? 0;
    found.buffer = part.jitterBufferEmittedCount ? part.jitterBufferDelay / part.jitterBufferEmittedCount : 0;
  }
  return found;
}"""


def begin(checkpoint: str | None, folder: Path) -> tuple[subprocess.Popen, str]:
    """The server and its address, once it is warm."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    words = [sys.executable, "-m", "vasa_jax.serve", "--port", str(port)]
    environment = {**os.environ, "TMPDIR": str(folder)}
    server = subprocess.Popen(
        [*words, *(["--checkpoint", checkpoint] if checkpoint else [])], env=environment, stdout=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}/"
    while server.poll() is None:
        try:
            with urlopen(f"{address}health", timeout=5) as answer:
                if json.load(answer)["state"] == "ready":
                    return server, address
        except OSError:
            pass
        time.sleep(0.5)
    raise SystemExit("the server did not start")


def talk(page: Any, address: str, seconds: float) -> dict[str, Any]:
    """What was seen while the page talked so long, from SETTLE seconds on."""
    page.add_init_script(KEEP_PEER)
    page.goto(address)
    page.click("#tab-live")
    page.click("#portrait-bundled")
    page.click("#talk")
    ends = time.monotonic() + 120
    while not page.evaluate("document.getElementById('live').currentTime > 0"):
        assert time.monotonic() < ends, "no picture came"
        page.wait_for_timeout(100)
    page.wait_for_timeout(1000 * SETTLE)
    page.evaluate("window.heard.length = 0")
    first, start = page.evaluate(RECEIVED), time.monotonic()
    looks, ahead = [first], []
    while time.monotonic() - start < seconds:
        page.wait_for_timeout(1000 * EVERY)
        looks.append(page.evaluate(RECEIVED))
        ahead.append(page.evaluate(AHEAD))
    passed, heard = time.monotonic() - start, page.evaluate("window.heard")
    page.click("#stop")
    return {"seconds": passed, "looks": looks, "ahead": ahead, "heard": heard}


def rows(seen: Mapping[str, Any]) -> list[list[str]]:
    """Of the table."""
    looks, heard = seen["looks"], seen["heard"]
    delays = [1000 * one["delay"] for one in heard if one.get("delay") is not None]
    way = [1000 * (look["trip"] + look["buffer"]) for look in looks[1:]]
    left_out = _left_out(seen)
    ahead = [one for one in seen["ahead"] if one is not None]
    frames, dropped = (looks[-1][name] - looks[0][name] for name in ("frames", "dropped"))
    return [
        ["frames a second, decoded by the browser", f"{frames / seen['seconds']:.1f}"],
        ["frames that it dropped, of these", f"{dropped} of {frames}"],
        ["sound in to frame out, p50, p95", _percentiles(delays)],
        ["network and the browser's buffer, p50, p95", _percentiles(way)],
        ["sound left out", f"{left_out:.1f} s of {seen['seconds']:.0f} s"],
        ["picture ahead of the sound, mean", f"{np.mean(ahead):.0f} ms" if ahead else "unknown"],
    ]


def _left_out(seen: Mapping[str, Any]) -> float:
    """Seconds of sound, as the server told; NaN where it told nothing."""
    told = [one["left_out"] for one in seen["heard"] if "left_out" in one]
    return told[-1] - told[0] if told else float("nan")


def _percentiles(values: Sequence[float]) -> str:
    return " ms, ".join(f"{value:.0f}" for value in np.percentile(values, [50, 95])) + " ms" if values else "unknown"


def _processor_seconds(process: psutil.Process) -> float:
    """Of it and those that it started and that live."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            total += sum(one.cpu_times()[:2])
        except psutil.Error:
            continue
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--checkpoint", metavar="FOLDER", help="weights (default: those that ship with the package)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server, address = begin(arguments.checkpoint, Path(folder))
        here = psutil.Process()
        try:
            with browser_page(microphone_file(Path(folder))) as page:
                served, all_of_it = psutil.Process(server.pid), _processor_seconds(here)
                used = _processor_seconds(served)
                seen = talk(page, address, arguments.seconds)
                by_server = _processor_seconds(served) - used
                by_browser = _processor_seconds(here) - all_of_it - by_server
        finally:
            server.terminate()
            server.wait(30)
    found = rows(seen)
    found.append(["processor seconds of the server, of browser and script", f"{by_server:.1f}, {by_browser:.1f}"])
    print(table(["live, in a browser on the same machine", f"{seen['seconds']:.0f} s"], found))
    return 0 if _left_out(seen) == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
