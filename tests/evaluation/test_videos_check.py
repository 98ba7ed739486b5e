"""The check of the whole road from videos: its own geometry, verdicts and tables."""

import numpy as np
import pytest

from vasa_jax.data.videos.refusals import Refusal
from vasa_jax.evaluation import film_plan, videos


def test_exact_labels_move_into_the_square_that_was_cut_out():
    """A face that fills its picture, cut out by a square of twice the size that stands a little to its lower right."""
    good, side = film_plan.Good("a.mp4", (0,), size=(1000, 800)), film_plan.FACE
    left, top = film_plan.place(good.size)
    true = {
        "pose": np.tile([0.1, 0.2, 0.3, 0.5, -0.25, 0, 1.0], (4, 1)),
        "gaze": np.zeros((4, 2)),
        "lip_opening": np.arange(4.0),
        "landmarks": np.tile([1.0, 1.0], (4, 68, 1)),  # the upper right corner of the picture
    }
    square = np.array([left + side / 2 + 10, top + side / 2 + 20, 2 * side], np.float32)
    seen = videos.seen_in(true, good, square, slice(1, 3))
    np.testing.assert_allclose(seen["lip_opening"], [1, 2])
    right, down = left + side - square[0], top - square[1]
    np.testing.assert_allclose(seen["landmarks"][0, 0], [right / side, -down / side], atol=1e-6)
    np.testing.assert_allclose(seen["pose"][0, :3], [0.1, 0.2, 0.3])
    middle = left + side * 0.75 - square[0], top + side * 0.625 - square[1]
    np.testing.assert_allclose(seen["pose"][0, 3:5], [middle[0] / side, -middle[1] / side], atol=1e-6)
    assert seen["pose"][0, 6] == pytest.approx(0.5)


def refusals(**changed: list[Refusal]) -> list[Refusal]:
    """Those of a faultless run, without or with others for some videos (by the name without its ending)."""
    found = []
    for video, reason in film_plan.FAULTS.items():
        late = video.rpartition("_")[2].removesuffix(".mp4")
        detail = f"sound {float(late):+.1f} frames late" if reason == "out of sync" else ""
        found += changed.get(video.removesuffix(".mp4"), [Refusal(video, 0.0, 1.0, reason, detail)])
    return found


def test_every_fault_needs_its_own_reason_and_nothing_else():
    told = videos.faults([], refusals())
    assert len(told) == len(film_plan.FAULTS) and all(row["right"] for row in told)
    wrong = {
        "music": [Refusal("music.mp4", 0.0, 1.0, "no speech")],
        "silence": [],
        "small": [Refusal("small.mp4", 0.0, 1.0, "too small"), Refusal("small.mp4", 1.0, 2.0, "blurred")],
        "late_6": [Refusal("late_6.mp4", 0.0, 1.0, "out of sync", "sound +4.9 frames late")],
    }
    told = videos.faults([{"video": b"short.mp4"}], refusals(**wrong))
    bad = {row["video"].removesuffix(".mp4") for row in told if not row["right"]}
    assert bad == {"music", "silence", "small", "late_6", "short"}, "a fault that became a clip is none that was found"
    assert videos.faults([{"video": b"broken.mp4"}], refusals())[-3]["right"], "what comes before the break is kept"


def test_what_misses_its_bar_is_marked():
    row = {"video": "a.mp4", "rate": "25", "size": "8x8", "of": 50, "frames": 49, "refused": ["cut"]}
    row |= {"yaw": 4.5, "pitch": 3.0, "gaze_yaw": 0.6, "gaze_error": 2.0, "lip_opening": 0.8}
    row |= {"eye_openness": 0.9, "offset": float("nan")}
    table = videos.markdown([row], videos.faults([], refusals(silence=[])))
    assert "| **4.50** | 3.00 | 2.00 | **0.80** | 0.90 | **nan** |" in table and "49 of 50, cut" in table
    assert "r **0.60**" in table
    assert "| silence.mp4 | no speech | **a clip** |" in table and "| music.mp4 | music | music |" in table


def test_figures_of_clips_that_are_read_exactly():
    generator = np.random.default_rng(0)
    truth = {"pose": generator.normal(size=(60, 7)), "gaze": generator.normal(size=(60, 2))}
    truth |= {"lip_opening": generator.uniform(size=60), "landmarks": generator.normal(size=(60, 68, 2))}
    read = truth | {"eye_openness": generator.uniform(size=60)}
    found = videos.figures([(truth, read)], [0.5, -0.75])
    assert found["yaw"] == 0 and found["lip_opening"] == pytest.approx(1) and found["frames"] == 60
    assert found["offset"] == 0.75 and not videos.holds("eye_openness", found["eye_openness"])
    assert not any(videos.holds(name, value) for name, value in videos.figures([], []).items() if name in videos.BARS)
