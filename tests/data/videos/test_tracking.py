"""Which frames belong together, on faces that are told and not seen."""

from types import SimpleNamespace

import numpy as np
import pytest

from vasa_jax.data.videos import framing, shots, sorting, tracking
from vasa_jax.data.videos.clock import Clock
from vasa_jax.data.videos.faces import Face
from vasa_jax.data.videos.settings import Settings
from vasa_jax.data.videos.tracking import Seen, Stretch, stretches
from vasa_jax.judges.detector import Crop

PIXELS = np.zeros((36, 64, 3), np.uint8)
SETTINGS = Settings("none", size=64, shortest=1.0)


def face(x: float = 320.0, side: float = 200.0) -> Face:
    """A mesh that fills a square."""
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (468, 3)) * side
    points[[0, 1, 33, 263], :2] = np.array([[-0.5, -0.5], [0.5, 0.5], [-0.3, 0.0], [0.3, 0.0]]) * side
    return Face(points + np.array([x, 180.0, 0.0]), np.zeros((2, 17, 2)), 1.0)


class Told:
    """Faces by frame: a list of their places for each; `frame` holds its number."""

    name = "told"

    def __init__(self, places):
        self._places, self.looks = places, []

    def find(self, frame):
        self.looks.append(int(frame[0, 0, 0]))
        return [face(x) for x in self._places[self.looks[-1]]]

    def read(self, frame, crop: Crop):
        near = [x for x in self._places[int(frame[0, 0, 0])] if abs(x - crop.centre[0]) < 60]
        return face(near[0]) if near else None


def watch(places, cuts=()):
    """What the tracker sees of faces at these places."""

    def shown(number):
        light = np.full((36, 64, 3), 250 if sum(cut <= number for cut in cuts) % 2 else 20, np.uint8)
        pixels = np.full((36, 64, 3), number, np.uint8)
        return SimpleNamespace(thumbnail=lambda *size: light, pixels=lambda longest: pixels, size=(64, 36))

    told = Told(places)
    return list(tracking.Tracker(told, Clock()).watch(map(shown, range(len(places))))), told


def verdicts(seen) -> list[str]:
    return [one.verdict for one in seen]


def test_the_face_is_followed_and_the_picture_seldom_searched():
    seen, told = watch([[300 + k] for k in range(30)])
    assert verdicts(seen) == [""] * 30 and told.looks == [0, 12, 24]
    np.testing.assert_allclose([one.face.crop.centre[0] for one in seen], 300 + np.arange(30), atol=1)


def test_a_face_that_is_lost_is_looked_for():
    seen, told = watch([[300]] * 5 + [[]] * 8 + [[300]] * 7)
    assert verdicts(seen) == [""] * 5 + ["no face"] * 10 + [""] * 5
    assert told.looks == [0, 5, 10, 15]


def test_a_second_face_counts_until_it_is_seen_to_be_gone():
    seen, _ = watch([[300]] * 6 + [[300, 900]] * 16 + [[300]] * 8)
    assert verdicts(seen) == [""] * 12 + ["two faces"] * 12 + [""] * 6


def test_a_jump_is_a_cut():
    """At the same place a face may follow; far from it another one is found."""
    seen, _ = watch([[300]] * 6 + [[340]] * 6)
    assert not any(one.cut for one in seen)
    seen, told = watch([[300]] * 6 + [[700]] * 6, cuts=[6])
    assert [one.cut for one in seen] == [False] * 6 + [True] + [False] * 5 and told.looks == [0, 6]


def run_of(text: str, cuts=()):
    """A frame for each letter: "." useful, others refused."""
    for number, letter in enumerate(text):
        verdict = {".": "", "n": "no face", "t": "two faces"}[letter]
        yield Seen(number, verdict, number in cuts, None if verdict else face(), PIXELS, (640, 360))


def outline(found) -> list[tuple[int, int, str]]:
    return [(one.first, one.count, one.verdict) for one in found]


def test_stretches_end_with_their_verdict_or_a_cut():
    found = list(stretches(run_of("...nn....tt", cuts=[7]), 2, 50))
    assert outline(found) == [(0, 3, ""), (3, 2, "no face"), (5, 2, ""), (7, 2, ""), (9, 2, "two faces")]
    assert [(one.cut_before, one.cut_behind) for one in found[2:4]] == [(False, True), (True, False)]
    assert [len(one.faces) for one in found] == [3, 0, 2, 2, 0]
    np.testing.assert_allclose(found[0].faces[0].points, face().points * 10)  # in the pixels of the video


@pytest.mark.parametrize("count", [1, 19, 20, 21, 24, 25, 44, 45, 46, 99])
def test_long_stretches_are_taken_apart_and_no_frame_is_lost(count):
    found = list(stretches(run_of("." * count), 5, 20))
    assert sum(one.count for one in found) == count == sum(len(one.faces) for one in found)
    assert [one.first for one in found] == np.cumsum([0, *(one.count for one in found[:-1])]).tolist()
    assert all(one.count <= 20 for one in found)
    assert count < 5 or all(one.count >= 5 for one in found)


def test_refused_stretches_are_told_once_however_long():
    assert outline(stretches(run_of("n" * 500), 5, 20)) == [(0, 500, "no face")]


def stretch_of(places, **changes) -> Stretch:
    return Stretch(0, "", PIXELS, (640, 360), count=len(places), faces=[face()] * len(places), **changes)


def test_reasons_of_place():
    still = np.tile([320.0, 180.0, 200.0], (50, 1))

    def reason(places, **changes):
        return [one.reason for one in sorting.by_place(stretch_of(places, **changes), places, SETTINGS)]

    assert reason(still) == [""]
    assert reason(still[:20]) == ["too short"] and reason(still[:20], cut_before=True) == ["cut"]
    assert reason(still * (1, 1, 0.1)) == ["too small"]
    assert reason(still - (275, 0, 0)) == ["out of frame"]
    walking = still + np.linspace(0, 120, 50)[:, None] * (1, 0, 0)
    assert reason(walking) == ["", ""], "each half stays in its square"
    assert reason(walking[:40] * (3, 1, 1)) == ["moves away"]


def test_turned_frames_are_cut_out(monkeypatch):
    angles = np.zeros((80, 3))
    angles[50:60, 0] = np.radians(70)
    places = np.tile([320.0, 180.0, 200.0], (80, 1))
    monkeypatch.setattr(framing, "head_places", lambda faces: (places, angles))
    found = list(sorting.by_sight(stretch_of(places), SETTINGS))
    assert [(one.reason, one.stretch.first, one.stretch.count) for one in found] == [
        ("", 0, 50),
        ("profile", 50, 10),
        ("too short", 60, 20),
    ]
    assert found[1].detail == "yaw 70, pitch 0 degrees"


def test_cuts_are_told_from_movement():
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 255, (2, 36, 64, 3), dtype=np.uint8)
    cuts = shots.Cuts()
    assert [cuts(frame) for frame in (one, one, one, other, other, one)] == [False, False, False, True, False, True]
    moving = shots.Cuts()
    noise = generator.integers(0, 255, (20, 36, 64, 3), dtype=np.uint8)
    assert not any([moving(frame) for frame in noise]), "where everything changes all the time nothing is a cut"


def test_time_within_work_is_counted_once(monkeypatch):
    times = iter([0.0, 1.0, 3.0, 6.0])
    monkeypatch.setattr("time.process_time", lambda: next(times))
    clock = Clock()
    with clock("outer"), clock("inner"):
        pass
    assert dict(clock.seconds) == {"inner": 2.0, "outer": 4.0}
