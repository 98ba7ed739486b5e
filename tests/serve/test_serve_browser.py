"""The page in a real browser, Debian's chromium; its camera is a test picture, its microphone a file."""

import base64
import io
import os
import socket
import time
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest

from benchmarks.browser import AHEAD, CHROMIUM, KEEP_PEER, browser_page, microphone_file
from vasa_jax import pretrained
from vasa_jax.serve.app import build
from vasa_jax.serve.limits import Limits
from vasa_jax.serve.run import run, server_of
from vasa_jax.serve.scratch import Scratch

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no chromium")]
PICTURES = os.environ.get("VASA_SCREENSHOTS")  # a folder that screenshots are put in
RECORD = """async (milliseconds) => {
  const pieces = [], recorder = new MediaRecorder(document.getElementById("live").srcObject);
  recorder.ondataavailable = (event) => pieces.push(event.data);
  recorder.start();
  await new Promise((done) => setTimeout(done, milliseconds));
  await new Promise((done) => { recorder.onstop = done; recorder.stop(); });
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  let text = "";
  bytes.forEach((byte) => (text += String.fromCharCode(byte)));
  return btoa(text);
}"""


@pytest.fixture
def address(animator):
    """Of a server over the animator that costs nothing."""
    with Scratch() as scratch, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = server_of(build(animator, scratch, Limits()), Limits())
        thread = Thread(target=run, args=(server, [listening]))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join(10)


def until(page, condition: str, seconds: float = 300.0) -> None:
    """Wait for something to be true; the page's own rules forbid Playwright's way, which makes code of text."""
    ends = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < ends, condition
        page.wait_for_timeout(100)


def picture_of(page, name: str) -> None:
    if PICTURES:
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=f"{PICTURES}/{name}.png")


def choose_samples(page) -> None:
    page.click("#portrait-bundled")
    if page.is_visible("#speech-bundled"):
        page.click("#speech-bundled")


@pytest.mark.slow
def test_a_portrait_speaks_on_the_page(real_address):
    with browser_page() as page:
        page.goto(real_address)
        choose_samples(page)
        page.select_option("#emotion", "happy")
        page.click("summary")
        page.select_option("#steps", "10")
        page.click("summary")
        page.click("#gaze", position={"x": 79, "y": 49})
        assert page.inner_text("#gaze-shown") == "10, 5"
        page.click("#speak")
        until(page, "document.getElementById('progress').value > 0")
        picture_of(page, "serve_progress")
        page.wait_for_selector("#talking:not([hidden])", timeout=300_000)
        until(page, "document.getElementById('talking').currentTime > 2")
        assert page.evaluate("document.getElementById('talking').duration") == pytest.approx(4.96, abs=0.1)
        assert page.evaluate("document.getElementById('talking').videoWidth") == 256
        assert page.inner_text('[data-mark="consent"]') == "nobody is shown: the sample is computer-made"
        assert page.inner_text('[data-mark="visible_label"]') == "AI-generated"
        picture_of(page, "serve_page")
        with page.expect_download() as kept:
            page.click("#download")
        assert kept.value.suggested_filename.startswith("talking-")


@pytest.mark.slow
def test_the_shipped_weights_speak_live_on_the_page(real_address, tmp_path):
    with browser_page(microphone_file(tmp_path)) as page:
        page.goto(real_address)
        page.click("#tab-live")
        choose_samples(page)
        page.click("#talk")
        until(page, "document.getElementById('live').currentTime > 4")
        page.click("#gaze", position={"x": 110, "y": 60})
        until(page, "Number(document.getElementById('delay').dataset.ms) > 0")
        picture_of(page, "serve_live")
        if PICTURES:
            Path(PICTURES, "live.webm").write_bytes(base64.b64decode(page.evaluate(RECORD, 8000)))
        page.click("#stop")
        page.wait_for_selector("#talk:enabled")


def test_uploads_recordings_and_pictures_of_the_page_reach_the_server(address, animator, tmp_path):
    with browser_page() as page:
        page.goto(address)
        page.click("#speak")
        assert page.inner_text("#status") == "choose a portrait first"
        page.set_input_files("#portrait-file", pretrained.portrait())
        page.click("#speak")
        assert page.inner_text("#status") == "say first who is shown, and how they agreed"
        page.fill("#consent", "me, in person")
        page.click("#portrait-webcam")
        page.wait_for_selector("#webcam:not([hidden])")
        page.click("#portrait-webcam")
        page.wait_for_selector("#portrait-shown:not([hidden])")
        page.click("#speech-record")
        page.wait_for_selector("#speech-record.recording")
        page.wait_for_timeout(1500)
        page.click("#speech-record")
        page.wait_for_selector("#speech-heard:not([hidden])")
        page.click("#speak")
        page.wait_for_selector("#talking:not([hidden])")
    (shape, length, rate, crop, controls), *_ = animator.asked
    assert shape[2] == 3 and min(shape) and rate == 48_000 and crop
    assert 1.0 < length / rate < 2.5
    assert controls["gaze"] == (0.0, 0.0) and controls["steps"] == 50


@pytest.mark.slow
def test_live_picture_and_sound_are_in_step_and_follow_the_microphone(address, animator, tmp_path):
    with browser_page(microphone_file(tmp_path)) as page:
        page.add_init_script(KEEP_PEER)
        page.goto(address)
        page.click("#tab-live")
        choose_samples(page)
        page.click("#talk")
        until(page, "document.getElementById('live').currentTime > 5")  # browsers come into step by and by
        page.click("#gaze", position={"x": 79, "y": 49})
        ahead = []
        for _ in range(20):
            page.wait_for_timeout(97)
            ahead.append(page.evaluate(AHEAD))
        recording = base64.b64decode(page.evaluate(RECORD, 8000))
        until(page, "Number(document.getElementById('delay').dataset.ms) > 0")
        delay = page.evaluate("Number(document.getElementById('delay').dataset.ms)")
        page.click("#stop")
    assert {"gaze": (10.0, 5.0), "emotion": "neutral"} in animator.streams[0].told
    lights, loud = read(recording)
    assert len(lights) > 40
    after = lag(lights, loud)
    print(
        f"delay {delay} ms; {len(lights)} frames in 8 s; sound after the picture by the browser's own clock "
        f"{np.mean(ahead):.0f} ms, in a recording {1000 * after:.0f} ms"
    )
    assert -45 <= np.mean(ahead) <= 125  # ITU-R BT.1359: what viewers do not notice
    assert abs(after) < 0.3  # a recorder keeps sound longer than pictures; this shows that they belong together
    assert delay < 1500


def read(recording: bytes) -> tuple[list, list]:
    """(seconds, light of the picture's middle) and (seconds, loudness) of a recording, each at the middle of what it
    lasts."""
    lights, loud = [], []
    with av.open(io.BytesIO(recording)) as container:
        for frame in container.decode():
            if isinstance(frame, av.VideoFrame):
                pixels = frame.to_ndarray(format="gray")
                third = len(pixels) // 3
                lights.append((frame.time + 0.02, pixels[third : 2 * third, third : 2 * third].mean()))
            else:
                middle = frame.samples / frame.sample_rate / 2
                loud.append((frame.time + middle, frame.to_ndarray().astype(float).std()))
    return sorted(lights), sorted(loud)


def lag(lights: list, loud: list) -> float:
    """Seconds by which sound comes after the picture, found by correlation."""
    grid = np.arange(max(lights[0][0], loud[0][0]) + 0.5, min(lights[-1][0], loud[-1][0]), 0.01)
    shown, heard = (np.interp(grid, *map(list, zip(*found, strict=True))) for found in (lights, loud))
    lags = range(-38, 39)
    scores = [np.corrcoef(np.roll(shown, shift)[40:-40], heard[40:-40])[0, 1] for shift in lags]
    assert max(scores) > 0.6
    return lags[int(np.argmax(scores))] / 100
