"""Both experiments and the report, on a system that opens the lips of a picture when the audio is loud."""

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vasa_jax.errors import UserError
from vasa_jax.evaluation import reconstruction, report, run, samples, sheet, speaking
from vasa_jax.types import SAMPLES_PER_FRAME

HEADS = Path(__file__).parents[1] / "judges" / "heads.jpg"
FRAMES = 20


def heads() -> np.ndarray:
    """(2, 4, 128, 128, 3) uint8: two people with lips shut, lips open, eyes shut, head turned."""
    strip = np.asarray(Image.open(HEADS).convert("RGB"))
    return strip.reshape(128, 2, 4, 128, 3).transpose(1, 2, 0, 3, 4)


def encoded(frame: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG")
    return file.getvalue()


def record(person: int, seed: int) -> dict:
    """A clip in which lips are open in loud frames, spoken as AA, and shut in silent ones, spoken as P."""
    loud = np.random.default_rng(seed).permutation(FRAMES) < FRAMES // 2
    landmarks = np.zeros((FRAMES, 68, 2), np.float32)
    landmarks[:, 48:68] = [[-0.2, -0.3], [0.2, -0.4]] * 10
    return {
        "clip": f"clip{person}", "identity": f"person{person}", "kind": "talk", "text": f"text {seed}",
        "frames": [encoded(heads()[person, int(state)]) for state in loud],
        "audio": np.repeat(loud, SAMPLES_PER_FRAME).astype(np.float32),
        "pose": np.zeros((FRAMES, 7), np.float32), "expression": np.zeros((FRAMES, 57), np.float32),
        "landmarks": landmarks, "lip_opening": 0.2 * loud.astype(np.float32),
        "phones": {
            "label": [b"AA" if state else b"P" for state in loud],
            "start": np.arange(FRAMES) / 25, "end": np.arange(1, FRAMES + 1) / 25,
        },
    }  # fmt: skip


def animate(portrait: np.ndarray, audio: np.ndarray, seed: int) -> np.ndarray:
    loud = audio.reshape(-1, SAMPLES_PER_FRAME).mean(1) > 0.5
    distances = np.abs(heads()[:, :2].astype(int) - portrait).mean((2, 3, 4)).min(1)
    return heads()[int(distances.argmin())][loud.astype(int)]


@pytest.fixture(scope="module")
def clips():
    return samples.read_samples([record(0, 3), record(1, 4)], None)


@pytest.fixture(scope="module")
def spoken(assets, clips):
    pytest.importorskip("ai_edge_litert")
    judges = run.load_judges(assets)
    return [speaking.speak(animate, judges, clips, index) for index in range(len(clips))]


def test_speaking_is_measured(spoken, tmp_path):
    summary = report.summarise(spoken, [])
    speech = summary["speech"]
    assert speech["lips"] > 0.9 and speech["lips_ceiling"] > 0.9
    assert abs(speech["lips_swapped"]) < 0.5
    assert max(speech["lips_by_shift"], key=speech["lips_by_shift"].get) == 0
    assert speech["generated"]["closed"] < speech["generated"]["vowels"] and speech["generated"]["made"] == 1
    assert summary["identity"]["own"] > summary["identity"]["others"] and summary["identity"]["auc"] == 1
    report.write(tmp_path / "report.json", summary, {}, {"speech": [clip.row for clip in spoken]})
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["speech"]["lost_frames"] == 0
    assert "correlation with the true labels" in (tmp_path / "report.md").read_text()
    assert sheet.frame_sheet(spoken).shape == (4 * 128, (1 + sheet.COLUMNS) * 128, 3)


def test_a_lost_face_is_not_a_still_one(spoken):
    row = {**spoken[0].row, "lips": float("nan"), "seen": 0, "blinks": 0}
    summary = report.summarise([dataclasses.replace(spoken[0], row=row)], [])
    assert np.isnan(summary["speech"]["generated"]["blinks_per_minute"])
    assert "| Blinks a minute | nan |" in report.markdown(summary)


def test_reconstruction_is_compared_with_copies(clips):
    perfect = reconstruction.measure(lambda source, drivers: drivers, clips[0], 128)
    assert perfect["psnr_mouth"] > 50 > perfect["copy_psnr_mouth"]
    copied = reconstruction.measure(lambda source, drivers: np.stack([source] * len(drivers)), clips[0], 96)
    assert copied["ssim_face"] == copied["copy_ssim_face"] < 1


def test_identities_come_first_and_silence_does_not_count():
    records = [record(0, 3), record(0, 5), record(1, 4)]
    chosen = samples.read_samples([{**records[0], "kind": "range"}, *records], 2)
    assert [clip.identity for clip in chosen] == ["person0", "person1"]
    with pytest.raises(UserError, match="no speaking clip"):
        samples.read_samples([{**records[0], "kind": "range"}], None)


def test_rebuilder_runs_the_parts_of_a_face_model():
    from vasa_jax.types import Appearance, HeadPose, Motion

    class Brightness:
        """Appearance is the colour, motion the brightness."""

        def apply(self, variables, *inputs, method):
            return getattr(self, method)(*inputs)

        def encode(self, image):
            return Appearance(image, image.mean((1, 2))), self.motion(image)

        def motion(self, image):
            zero = image[:, 0, 0]
            return Motion(HeadPose(zero, zero, zero[:, :1]), image.mean((1, 2, 3))[:, None])

        def decode(self, appearance, motion):
            return 0 * appearance.volume + motion.dynamics[:, None, None]

    rebuild = reconstruction.rebuilder(Brightness(), {})
    drivers = np.arange(0, 110, 10, dtype=np.uint8)[:, None, None, None] + np.zeros((1, 4, 4, 3), np.uint8)
    np.testing.assert_allclose(rebuild(drivers[0], drivers), drivers, atol=1)
