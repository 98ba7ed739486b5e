"""The report on labels: exact labels have no error, sound that was moved is found where it was moved to."""

import numpy as np
import pytest
from toys import FRAMES, make_record

from vasa_jax.evaluation import labels, sound_shift
from vasa_jax.types import SAMPLES_PER_FRAME


@pytest.fixture
def records():
    return [make_record(i) for i in range(3)]


def exact(record):
    return {
        "pose": record["pose"],
        "gaze": record["gaze"],
        "lip_opening": record["lip_opening"],
        "eye_openness": np.zeros(FRAMES),
        "landmarks": record["landmarks"],
    }


def test_exact_labels_have_no_error(records):
    found = labels.compare(records, [exact(record) for record in records])
    for name in ("yaw", "pitch", "roll", "scale", "place", "gaze_error", "lost"):
        assert found[name] == pytest.approx(0, abs=1e-6)
    assert [found["gaze_yaw"], found["lip_opening"]] == pytest.approx([1, 1])


def test_errors_are_told_in_their_units_and_lost_frames_apart(records):
    read = [exact(record) for record in records]
    for one in read:
        one["pose"] = one["pose"] + np.float32([0, np.radians(3), 0, 0.1, 0, 0, 0])
        one["pose"][:6] = np.nan
    found = labels.compare(records, read)
    assert found["pitch"] == pytest.approx(3, rel=1e-4) and found["yaw"] == pytest.approx(0, abs=1e-6)
    assert found["place"] == pytest.approx(0.1, rel=1e-4) and found["lost"] == pytest.approx(6 / FRAMES)


@pytest.mark.parametrize("frames", [-3, 0, 4])
def test_sound_is_moved_by_whole_frames(frames):
    audio = np.random.default_rng(0).uniform(-1, 1, 20 * SAMPLES_PER_FRAME).astype(np.float32)
    late = sound_shift.moved(audio, frames)
    assert late.shape == audio.shape
    shift = abs(frames) * SAMPLES_PER_FRAME
    later, earlier = (late, audio) if frames >= 0 else (audio, late)
    np.testing.assert_allclose(later[shift:], earlier[: len(audio) - shift], atol=1e-3)


def test_offsets_within_a_frame_count_as_found(records):
    longer = {"audio": 3 * [records[0]["audio"]], "pose": 3 * [records[0]["pose"]]}
    records = [{**record, **{name: np.concatenate(parts) for name, parts in longer.items()}} for record in records]
    read = [{"lip_opening": np.zeros(3 * FRAMES)} for _ in records]
    told = iter([-8.0, -3.4, 0.9, 2.0, 5.0, 12.0, 0.0] * 3)
    found = labels.compare_sound(records, read, lambda lips, audio: (next(told), 0.7))
    assert found["offset"] == pytest.approx(5 / 6) and found["offset_sure"] == pytest.approx(0.7)


def test_a_bar_that_is_missed_is_told():
    found = dict.fromkeys(labels.ROWS, 0.0) | {"yaw": 4.2, "pitch": 3.9}
    text = labels.markdown(found)
    assert "| yaw | mean error, degrees | 4.200 | at most 4 | no |" in text
    assert "| pitch | mean error, degrees | 3.900 | at most 4 | yes |" in text
