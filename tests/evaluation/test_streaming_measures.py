import json

import numpy as np
import pytest

from vasa_jax.evaluation.readouts import Readouts
from vasa_jax.evaluation.streaming import __main__ as command
from vasa_jax.evaluation.streaming.endurance import MINUTE, Minute, drift_of_lips
from vasa_jax.evaluation.streaming.likeness import joints, row

PERIOD = 120


def minute(start, late=0):
    """One whose lips say the same 120 frames over and over, `late` frames behind."""
    curve = np.random.default_rng(0).uniform(size=PERIOD)
    lips = curve[(start + np.arange(MINUTE) - late) % PERIOD]
    return Minute(memory=10**8, milliseconds=(1.0, 2.0, 3.0), lips=lips, head_motion=0.2, amplitude=1.0)


@pytest.mark.parametrize("late", [0, 1, 3, -2])
def test_lips_that_fall_behind_are_seen(late):
    watched = [minute(0), minute(MINUTE, 9), minute(2 * MINUTE, late)]
    assert drift_of_lips(watched, PERIOD) == late


def test_a_jump_where_pieces_join_is_seen():
    smooth = np.cumsum(np.full((40, 3), 0.1), 0)
    assert joints(smooth, 5) == pytest.approx(1)
    jumps = smooth + np.repeat(np.arange(8), 5)[:, None] * 0.2
    assert joints(jumps, 5) == pytest.approx(3)


class Lips(Readouts):
    """Of motion whose first component opens the lips."""

    def __init__(self):
        pass

    def lip_opening(self, motion):
        return motion[:, 0]

    def head_angles(self, motion):
        return np.deg2rad(motion[:, :3])


def test_a_row_tells_what_is_alike():
    offline, other = np.random.default_rng(1).normal(size=(2, 100, 4))
    shifted, stranger = (row(Lips(), offline, motion, 5) for motion in (offline + 0.5, other))
    assert shifted["distance"] == pytest.approx(0.5) and stranger["distance"] > 1
    assert shifted["lips"] == pytest.approx(1) and abs(stranger["lips"]) < 0.5
    assert shifted["pose_change"] == pytest.approx(row(Lips(), offline, offline, 5)["pose_change"])
    assert shifted["joints"] == pytest.approx(joints(offline, 5))


@pytest.mark.slow
def test_the_command_writes_table_numbers_and_plot(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("vasa_jax.evaluation.streaming.endurance.MINUTE", 25)
    assert command.main(["--out", str(tmp_path), "--minutes", "2", "--alike", "1"]) == 0
    report = json.loads((tmp_path / "streaming.json").read_text())
    assert len(report["minutes"]) == 2 and report["delay"] == pytest.approx(0.36)
    delays, distances = zip(*((one["delay"], one["distance"]) for one in report["alike"]), strict=True)
    assert list(delays[:-2]) == pytest.approx([0.36, 0.56, 0.76, 1.16, 2.36]) and delays[-2:] == (None, None)
    assert distances[0] > distances[1] > 0.01 and distances[4] < 1e-3 and distances[5] == 0 and distances[6] > 0.1
    assert abs(report["drift_of_lips"]) <= 5
    assert (tmp_path / "streaming.md").read_text() == capsys.readouterr().out
    assert (tmp_path / "streaming.png").stat().st_size > 1000


def test_bad_input_is_told_in_a_line(tmp_path, capsys):
    assert command.main(["--out", str(tmp_path), "--audio", str(tmp_path / "none.wav")]) == 2
    assert capsys.readouterr().err == f"streaming: no such audio file: {tmp_path / 'none.wav'}\n"
