"""The lips of the shipped weights follow what a client sends: read from the frames by an independent network."""

import io
import json
import struct

import numpy as np
import pytest
import soundfile
from PIL import Image
from websockets.sync.client import connect

from vasa_jax import pretrained
from vasa_jax.inference.touches import lip_ratio
from vasa_jax.judges.landmarks import LandmarkJudge

pytestmark = pytest.mark.slow


def test_lips_follow_the_sound_of_their_frame_and_of_no_other(real_address, assets):
    pytest.importorskip("ai_edge_litert")
    frames, loud = spoken(real_address.replace("http", "ws") + "api/stream")
    points = LandmarkJudge(assets / "mediapipe").track(np.stack(frames)).points
    opening = smooth([lip_ratio(face) for face in points])
    shifts = range(-10, 11)
    found = [np.corrcoef(np.roll(opening, shift)[12:-12], smooth(loud)[12:-12])[0, 1] for shift in shifts]
    best = 40 * shifts[int(np.argmax(found))]
    print(f"lip opening and loudness: correlation {max(found):.2f}, best at a shift of {best} ms")
    assert abs(best) <= 40
    assert max(found) > 0.5
    assert np.median(found) < 0.25


def spoken(address: str) -> tuple[list[np.ndarray], list[float]]:
    """Frames of the bundled sentence, and how loud the sound that came with each is."""
    sound, rate = soundfile.read(pretrained.speech(), dtype="int16")
    frames, loud = [], []
    with connect(address, max_size=None, ping_timeout=None) as server:
        server.send(json.dumps({"portrait": "bundled", "sample_rate": rate}))
        assert json.loads(server.recv())["ready"]
        server.send(sound.tobytes())
        server.send(json.dumps({"finish": True}))
        while isinstance(message := server.recv(), bytes):
            _, size, _ = struct.unpack_from("<IIf", message)
            frames.append(np.asarray(Image.open(io.BytesIO(message[12 : 12 + size]))))
            loud.append(float(np.frombuffer(message[12 + size :], "<i2").astype(float).std()))
    return frames, loud


def smooth(values: list[float]) -> np.ndarray:
    """Means of three frames."""
    return np.convolve(values, np.ones(3) / 3, "same")
