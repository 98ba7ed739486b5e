"""The sweep on a system that does what it is asked, or only half of it, read by probes whose answers are known."""

import json

import numpy as np
import pytest

from vasa_jax.data import array_records, motion_set
from vasa_jax.evaluation import probes
from vasa_jax.evaluation.controls import __main__ as command
from vasa_jax.evaluation.controls import looks, motion_probes, plots, sweep
from vasa_jax.evaluation.controls.points import Point, agreement, points
from vasa_jax.inference.controls import Controls, parse_emotion
from vasa_jax.judges import FaceTrack, readings
from vasa_jax.motion import Statistics
from vasa_jax.types import EMOTIONS

FRAMES = 20
PROBES = motion_probes.MotionProbes(
    lambda motion: motion[:, :2], lambda motion: motion[:, 2:3], lambda motion: motion[:, 3:9], {}
)


def _guided(controls: Controls) -> bool:
    """Whether the control that is asked for has guidance."""
    if controls.distance is not None:
        return controls.distance_cfg == 1
    return controls.gaze_cfg == 1 and (controls.emotion is None or controls.emotion_cfg == 1)


def obedient(controls: Controls) -> np.ndarray:
    """Motion whose numbers are gaze in degrees, distance and emotions; without guidance half as far."""
    share = 1.0 if _guided(controls) else 0.5
    distance = 1.0 if controls.distance is None else controls.distance
    numbers = [*controls.gaze, distance, *parse_emotion(controls.emotion)]
    wanted = np.array(numbers) * share + np.array([0.0] * 2 + [1 - share] + [0.1] * 6)
    glance = np.zeros((FRAMES, 9))
    glance[:5, 0] = 40.0
    return (wanted + glance).astype(np.float32)


@pytest.fixture(scope="module")
def rows():
    system = sweep.System(obedient, lambda motion: motion)
    return sweep.run(system, sweep.Judges(PROBES, None, None), points(1.0, 0.1), seeds=2, steps=5)


def test_every_control_is_asked_with_and_without_guidance(rows):
    assert len(rows) == 2 * (25 + 7 + 18 + 1)
    asked = {(row["control"], row["emotion"], tuple(row["asked"])) for row in rows}
    assert ("gaze", None, (-30.0, 15.0)) in asked and ("emotion", "sad", (1.0,)) in asked
    distances = [row["asked"][0] for row in rows if row["control"] == "distance"]
    np.testing.assert_allclose(sorted(set(distances)), np.arange(0.7, 1.35, 0.1))
    assert Point("gaze", (15.0, 0.0)).controls(3, 7, 1.0) == Controls(seed=3, steps=7, gaze=(15.0, 0.0))
    assert Point("distance", (0.8,)).controls(0, 7, 0.0) == Controls(steps=7, distance=0.8)
    assert Point("emotion", (0.5,), "sad").controls(0, 7, 1.0) == Controls(steps=7, emotion="sad:0.5", emotion_cfg=1.0)


def test_slopes_are_those_of_the_system(rows):
    summary = sweep.summarise(rows)
    assert list(summary) == ["gaze yaw", "gaze pitch", "distance", "emotion", *EMOTIONS]
    for title in summary:
        with_, without = summary[title]["with"]["motion"], summary[title]["without"]["motion"]
        assert with_["slope"] == pytest.approx(1, abs=1e-3) and with_["error"] < 1e-3
        assert without["slope"] == pytest.approx(0.5, abs=1e-3) and without["correlation"] == pytest.approx(1)
    assert "| gaze yaw | motion | 1.00, 0.50 | 1.00, 1.00 | 0.0, 9.0 |" in command.markdown(summary)


def test_agreement_of_known_numbers():
    found = agreement(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 3.0, np.nan, 7.0]))
    assert found == pytest.approx({"slope": 2, "offset": 1, "correlation": 1, "error": 7 / 3})
    assert np.isnan(agreement(np.array([0.0, 1.0]), np.array([0.0, 1.0]))["slope"])


def test_plots_are_small_files(rows, tmp_path):
    pytest.importorskip("matplotlib")
    paths = plots.draw(rows, tmp_path)
    assert [path.name for path in paths] == ["gaze.png", "distance.png", "emotion.png"]
    assert all(2_000 < path.stat().st_size < 60_000 for path in paths)


def test_probes_are_fitted_on_a_motion_set(tmp_path):
    """Gaze, distance and emotions lie along directions of the motion; people whom a fit has not seen are asked."""
    generator = np.random.default_rng(0)
    directions = generator.normal(size=(9, 12))
    records = []
    for index in range(16):
        labels = generator.normal(size=(FRAMES, 9)).astype(np.float32)
        labels[:, 3:] = np.abs(labels[0, 3:]) % 1
        record = {name: f"{name}{index}" for name in motion_set.NAMES} | {
            "motion": (labels @ directions).astype(np.float32), "audio_features": np.zeros((FRAMES, 6), np.float32),
            "gaze": np.radians(10 * labels[:, :2]), "distance": labels[:, 2], "emotion": labels[0, 3:],
            "expression": np.zeros((FRAMES, 57), np.float32), "lip_opening": np.zeros(FRAMES, np.float32),
            "phones": {"label": ["SIL"], "start": [0.0], "end": [1.0]},
        }  # fmt: skip
        records.append((f"{index}", record))
    array_records.write_set(tmp_path / "set", "motion", motion_set.motion_features(12, 6), {"train": records})
    statistics = Statistics(np.full(12, 0.5, np.float32), np.full(12, 2.0, np.float32))
    fitted = motion_probes.fit(tmp_path / "set", statistics)
    seen = np.array([[1.0, -2.0, 0.7, 0.5, 0, 0, 0, 0, 0]]) @ directions
    seen = np.asarray(statistics.standardise(seen))
    np.testing.assert_allclose(fitted.gaze(seen), [[10, -20]], atol=0.5)
    np.testing.assert_allclose(fitted.distance(seen), [[0.7]], atol=0.05)
    np.testing.assert_allclose(fitted.emotion(seen), [[0.5, 0, 0, 0, 0, 0]], atol=0.05)
    assert min(fitted.trust["gaze"]["r2"]) > 0.99 and max(fitted.trust["gaze"]["error"]) < 0.5


def test_what_a_regression_cannot_tell_does_not_count_as_disobedience():
    generator = np.random.default_rng(2)
    label = generator.normal(3.0, 2.0, (20_000, 1))
    codes = label + generator.normal(0, 4.0, label.shape)
    shrinking = probes.ridge(codes, label)
    read = motion_probes.unshrunk(shrinking, shrinking(codes), label)
    ten = 10.0 + generator.normal(0, 4.0, (20_000, 1))
    assert shrinking(ten).mean() == pytest.approx(3 + 7 * 0.2, abs=0.1)
    assert read(ten).mean() == pytest.approx(10, abs=0.5)
    deaf = motion_probes.unshrunk(shrinking, generator.normal(size=label.shape), label)
    assert np.abs(deaf(codes)).max() < 100
    assert motion_probes.unshrunk(shrinking, None, label) is shrinking


def test_what_emotions_do_is_told_from_who_people_are():
    generator = np.random.default_rng(1)
    effects = generator.normal(size=(6, 7))
    emotions = np.eye(6)[generator.integers(0, 6, 5000)] * generator.uniform(0, 1, (5000, 1))
    people = generator.normal(size=(5000, 7)) * [1, 2, 0.5, 1, 1, 1, 0.1]
    found, spread = looks.emotion_effects(emotions @ effects + people, emotions)
    reader = looks.Looks(lambda track: track, found, spread, {})
    neutral = generator.normal(size=7)
    for emotion in range(6):
        assert reader.strength(neutral + 0.5 * effects[emotion], neutral, emotion) == pytest.approx(0.5, abs=0.2)
        assert reader.strength(neutral, neutral, emotion) == 0


def face(turn=0.0, iris=0.0, brows=0.0, size=0.5) -> FaceTrack:
    """A flat cloud of landmarks with the ones that are read in their places."""
    points = np.random.default_rng(0).uniform(-0.3, 0.3, (468, 3))
    places = {
        33: (-0.4, 0.2), 263: (0.4, 0.2), 133: (-0.15, 0.2), 362: (0.15, 0.2), 10: (0, 0.8), 152: (0, -0.8),
        61: (-0.2, -0.4), 291: (0.2, -0.4), 13: (0, -0.4), 14: (0, -0.4), 55: (-0.1, 0.35 + brows),
        285: (0.1, 0.35 + brows), 70: (-0.4, 0.4), 300: (0.4, 0.4), 2: (0, -0.2), 0: (0, -0.35),
    }  # fmt: skip
    for index, place in places.items():
        points[index] = (*place, 0)
    cosine, sine = np.cos(turn), np.sin(turn)
    points = size * points @ np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
    lids = np.zeros((2, 16, 2))
    lids[0, 0], lids[0, 8], lids[1, 0], lids[1, 8] = (-0.2, 0.1), (-0.1, 0.1), (0.2, 0.1), (0.1, 0.1)
    irises = np.array([[-0.15 + iris, 0.11], [0.15 + iris, 0.11]])
    return FaceTrack(points[None], lids[None], irises[None], np.ones(1))


def test_irises_faces_and_brows_are_read():
    np.testing.assert_allclose(readings.iris_offsets(face())[0], [[0, 0.1], [0, 0.1]], atol=1e-6)
    np.testing.assert_allclose(readings.iris_offsets(face(iris=0.03))[0], [[0.3, 0.1], [0.3, 0.1]], atol=1e-6)
    assert readings.face_size(face(size=0.25)) == pytest.approx(readings.face_size(face()) / 2)
    assert readings.face_size(face(turn=0.5)) == pytest.approx(readings.face_size(face()))
    plain, raised = (looks.features(face(brows=lift))[0] for lift in (0.0, 0.08))
    np.testing.assert_allclose(raised - plain, [0, 0, 0.1, 0, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(looks.features(face(turn=0.5))[0], plain, atol=1e-6)


def test_frames_of_a_sweep_are_read_too():
    """A judge that finds the face which the frames are made of."""
    tracks = []

    def draw(motion):
        distance = float(motion[:, 2].mean())
        tracks.append(face(size=0.5 / distance))
        return np.zeros((1, 8, 8, 3), np.uint8)

    reader = looks.Looks(lambda track: np.array([[3.0, 4.0]]), np.ones((6, 7)), np.ones(7), {})
    wanted = [Point("distance", (value,)) for value in (0.8, 1.0, 1.2)] + [Point("gaze", (5.0, 5.0))]
    judges = sweep.Judges(PROBES, lambda frames: tracks[-1], reader)
    rows = sweep.run(sweep.System(obedient, draw), judges, wanted, seeds=1, steps=5)
    found = [row["frames"][0] for row in rows if row["guidance"] == "with" and row["control"] == "distance"]
    np.testing.assert_allclose(found, [0.8, 1.0, 1.2], atol=0.02)
    assert rows[3]["frames"] == [3.0, 4.0]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("clips", "to look at frames, give both --assets (the landmark network) and --clips (true frames)"),
        ("checkpoint", "no checkpoint in nowhere: config.json is missing"),
    ],
)
def test_mistakes_are_one_line_and_status_2(tmp_path, capsys, missing, message):
    assert command.main(["--motion", "nowhere", "--out", str(tmp_path / "out"), f"--{missing}", "nowhere"]) == 2
    assert capsys.readouterr().err == f"controls: {message}\n"
    assert command.main(["--motion", "nowhere", "--out", str(tmp_path / "none" / "out")]) == 2
    assert capsys.readouterr().err.startswith("controls: cannot make the folder")


def test_json_of_the_summary_is_plain(rows):
    json.dumps(sweep.summarise(rows), allow_nan=False)
