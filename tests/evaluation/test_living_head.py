"""A long performance of which everything is known: how often it blinks, rests, drifts, and what a seed changes."""

import json

import numpy as np
import pytest

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.errors import UserError
from vasa_jax.evaluation import signals
from vasa_jax.evaluation.living import __main__ as command
from vasa_jax.evaluation.living import measures
from vasa_jax.evaluation.living.track import MARGIN, make_track
from vasa_jax.evaluation.readouts import Readouts
from vasa_jax.types import SAMPLES_PER_FRAME

MINUTE = 60 * 25


def curves(frames=10 * MINUTE, seed=0, **changed) -> measures.Curves:
    generator = np.random.default_rng(seed)
    given = {
        "lips": 0.1 * generator.uniform(size=frames), "eyes": np.ones(frames),
        "angles": np.radians(generator.normal(size=(frames, 3))), "motion": generator.normal(size=(frames, 9)),
    }  # fmt: skip
    return measures.Curves(**{**given, **changed})


@pytest.fixture(scope="module")
def track():
    generator = np.random.default_rng(0)
    sentences = [generator.uniform(0.1, 0.5, 16_000 * seconds).astype(np.float32) for seconds in (2, 3, 4)]
    return make_track(sentences, 5 * MINUTE)


def test_a_track_is_sentences_and_pauses(track):
    assert len(track.audio) == 5 * MINUTE * SAMPLES_PER_FRAME and len(track.speech) == len(track.rest) == 5 * MINUTE
    loud = np.abs(track.audio).reshape(-1, SAMPLES_PER_FRAME).max(1) > 0
    np.testing.assert_array_equal(loud, track.speech)
    assert 0.4 < track.speech.mean() < 0.8 and not (track.rest & track.speech).any()
    edges = np.flatnonzero(np.diff(track.speech.astype(int)))
    distance = np.abs(np.flatnonzero(track.rest)[:, None] - edges[None] - 0.5).min()
    assert distance >= MARGIN


def test_behaviour_of_known_curves():
    audio = np.repeat(np.random.default_rng(3).uniform(size=MINUTE // 5), 5 * SAMPLES_PER_FRAME).astype(np.float32)
    loudness = signals.energy(audio)
    eyes = np.ones(MINUTE)
    eyes[100:1500:100] = 0.3  # 14 blinks
    angles = np.radians(np.cumsum(np.repeat(loudness[:, None], 3, 1), 0))  # as fast as it is loud, in degrees
    found = measures.behaviour([(curves(MINUTE, eyes=eyes, angles=angles, lips=-loudness), audio)])
    assert found["blinks_per_minute"] == 14
    assert found["head_motion"] == pytest.approx(loudness[1:].mean(), rel=1e-3)
    assert found["head_with_energy"] > 0.95 and found["lips_with_energy"] < -0.95
    still = measures.behaviour([(curves(MINUTE, seed=5), audio)])
    assert abs(still["head_with_energy"]) < 0.1 and still["blinks_per_minute"] == 0


def test_a_performance_is_cut_like_clips():
    audio = np.repeat(np.arange(300.0), SAMPLES_PER_FRAME).astype(np.float32)
    parts = measures.cut(curves(300, lips=np.arange(300.0)), audio)
    assert [len(part.lips) for part, _ in parts] == [125, 125]
    np.testing.assert_array_equal(parts[1][0].lips, np.arange(125.0, 250))
    np.testing.assert_array_equal(parts[1][1][::SAMPLES_PER_FRAME], np.arange(125.0, 250))


def test_pauses_are_seen(track):
    frames = len(track.speech)
    lips = np.where(track.speech, 0.1, 0.01)
    alive = np.random.default_rng(0).normal(size=(frames, 9)) * np.where(track.rest, 0.5, 1.0)[:, None]
    found = measures.pauses(curves(frames, lips=lips, motion=alive), track.speech, track.rest)
    assert found["shut"] == 1 and found["lips_rest"] == pytest.approx(0.01)
    assert found["alive"] == pytest.approx(0.5, abs=0.02)
    frozen = np.where(track.rest[:, None], 0.0, alive)
    gaping = measures.pauses(curves(frames, lips=np.full(frames, 0.1), motion=frozen), track.speech, track.rest)
    assert gaping["shut"] == 0 and gaping["alive"] < 0.1


def test_drift_is_told_from_wandering():
    steady = measures.drift(curves())
    assert all(abs(line["change"]) < 2 * line["bar"] for line in steady.values())
    time = np.linspace(0, 1, 10 * MINUTE)
    angles = curves().angles * (1 - 0.5 * time[:, None]) + np.radians([0, 3, 0]) * time[:, None]
    found = measures.drift(curves(angles=angles))
    assert found["pitch"]["change"] == pytest.approx(3, abs=0.2) and found["pitch"]["bar"] < 0.3
    assert found["pose amplitude"]["change"] == pytest.approx(-0.5, abs=0.05)
    assert abs(found["yaw"]["change"]) < 2 * found["yaw"]["bar"]
    assert np.isnan(measures.drift(curves(2 * measures.WINDOW))["yaw"]["bar"])


def test_seeds_are_compared():
    one, other = curves(MINUTE, 0), curves(MINUTE, 1, lips=curves(MINUTE, 0).lips)
    found = measures.between_seeds([one, other])
    assert found["lips"] == pytest.approx(1) and abs(found["head"]) < 0.1
    assert found["head_degrees"] == pytest.approx(2 / np.sqrt(np.pi), rel=0.05)
    assert np.isnan(measures.between_seeds([one])["head"])


def test_readouts_are_those_of_the_statistics():
    statistics = {
        "mean": [0.1] + [0.0] * 12, "std": [0.5] + [1.0] * 12, "distance": {"mean": 1.0},
        "lips": {"weights": [0.0] * 12 + [2.0], "bias": 0.1}, "lids": {"weights": [0.0] * 11 + [1.0, 0.0], "bias": 0.2},
    }  # fmt: skip
    motion = np.zeros((1, 13), np.float32)
    motion[0, [0, 11, 12]] = 2.0, 0.5, 0.3
    readouts = Readouts(Checkpoint({"statistics": statistics}, {}))
    assert readouts.lip_opening(motion) == pytest.approx(0.7) and readouts.eye_openness(motion) == pytest.approx(0.3)
    assert readouts.head_angles(motion)[0] == pytest.approx([1.1, 0, 0])
    del statistics["lids"]
    with pytest.raises(UserError, match="the weights' statistics tell nothing of the lids: release them anew"):
        Readouts(Checkpoint({"statistics": statistics}, {}))


def test_mistakes_are_one_line_and_status_2(tmp_path, capsys):
    out = str(tmp_path / "out")
    assert command.main(["--out", out, "--motion", "set"]) == 2
    assert capsys.readouterr().err == (
        "living: --motion needs the clips that it was encoded from: give --clips as well\n"
    )  # fmt: skip
    assert command.main(["--out", out, "--checkpoint", "nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_the_whole_command_on_the_shipped_weights(tmp_path, capsys):
    """Half a minute in a few steps: every number is there, and the sheet."""
    words = ["--out", str(tmp_path / "out"), "--minutes", "0.5", "--steps", "2", "--seeds", "2"]
    assert command.main(words) == 0, capsys.readouterr().err
    report = json.loads((tmp_path / "out" / "living.json").read_text())
    assert report["generated"]["head_motion"] > 0 and 0 <= report["pauses"]["shut"] <= 1
    assert report["data"] == {} and (tmp_path / "out" / "living.jpg").stat().st_size > 10_000
    assert "| Blinks a minute |" in capsys.readouterr().out
