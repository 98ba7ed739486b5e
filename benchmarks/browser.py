"""A real browser, Debian's chromium without a window, whose camera is a test picture and whose microphone is a file."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import soundfile

from vasa_jax import pretrained

CHROMIUM = shutil.which("chromium")
KEEP_PEER = """const Peer = RTCPeerConnection;
window.heard = [];
window.RTCPeerConnection = class extends Peer {
  constructor(...given) { super(...given); window.peer = this; }
  createDataChannel(...given) {
    const channel = super.createDataChannel(...given);
    channel.addEventListener("message", (event) => window.heard.push(JSON.parse(event.data)));
    return channel;
  }
};"""
# By how many milliseconds of the sender's clock the picture that is shown is ahead of the sound that is heard.
AHEAD = """async () => {
  const playing = {};
  for (const part of (await window.peer.getStats()).values()) {
    if (part.type === "inbound-rtp") playing[part.kind] = part.estimatedPlayoutTimestamp;
  }
  return playing.video - playing.audio;
}"""


@contextmanager
def browser_page(microphone: Path | None = None) -> Iterator[Any]:
    """A page with camera and microphone; what it asks of other servers, and what goes wrong in it, is an error."""
    from playwright.sync_api import sync_playwright

    devices = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    if microphone is not None:
        devices.append(f"--use-file-for-fake-audio-capture={microphone}")
    with sync_playwright() as driver:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *devices]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1000, "height": 960})
        page.set_default_timeout(60_000)
        wrong = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
        page.on("request", lambda asked: wrong.append(asked.url) if _elsewhere(asked.url) else None)
        yield page
        browser.close()
        assert wrong == [], wrong


def microphone_file(folder: Path) -> Path:
    """The bundled sentence, as browsers play it: WAV, over and over."""
    soundfile.write(folder / "microphone.wav", *soundfile.read(pretrained.speech()))
    return folder / "microphone.wav"


def _elsewhere(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1", "blob:http://127.0.0.1", "data:"))
