"""The pieces of the inference table, on networks that take no time."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import inference, streams
from vasa_jax.types import FPS, SAMPLES_PER_FRAME

SOUND = np.zeros(20 * SAMPLES_PER_FRAME, np.float32)


class StandIn:
    """A stream whose frames need two frames of sound, and no time."""

    delay = 2 / FPS

    def __init__(self):
        self.fed, self.made = 0, 0

    def feed(self, samples, rate):
        self.fed += len(samples)

    def ready(self):
        while (self.made + 2) * SAMPLES_PER_FRAME <= self.fed:
            self.made += 1
            yield self.made

    def finish(self):
        self.fed += SAMPLES_PER_FRAME


@pytest.fixture
def animator():
    return SimpleNamespace(stream=lambda portrait, crop: StandIn())


@pytest.mark.parametrize("count", [1, 3])
def test_a_stream_that_takes_no_time_is_never_late(animator, count):
    run = streams.live(animator, None, SOUND, count)
    assert run.frames == 20 * count and len(run.first) == count and len(run.late) == 19 * count
    assert 0.78 < run.seconds < 1.5, "as long as the sound"
    assert -0.01 < np.median(run.late) < 0.03 and 0.03 < np.median(run.between) < 0.05
    fast = streams.at_once(animator, None, SOUND, count)
    assert fast.frames == 20 * count and fast.seconds < 0.5


def test_rows_have_a_cell_for_each_heading(animator):
    cells = inference.online_row(animator, None, SOUND, 1)
    assert len(cells) == len(inference.ONLINE) and all(isinstance(cell, str) for cell in cells)
    work = SimpleNamespace(name="nothing", frames=3, jax=lambda: None, torch=lambda: None, compiled=lambda: 1 / 0)
    assert len(inference.offline_row(work, 2, True)) == len(inference.OFFLINE)
    assert inference.offline_row(work, 2, True)[-3:] == ["not available (ZeroDivisionError)", "", ""]
    assert len(inference.offline_row(work, 2, False)) == len(inference.OFFLINE)


def test_percentiles_are_milliseconds():
    assert streams.percentiles(np.arange(101) / 1000) == pytest.approx([50, 95, 99])


@pytest.mark.slow
def test_random_weights_of_a_size_fit_their_config(tmp_path):
    from benchmarks.sizes import checkpoint_of
    from vasa_jax import checkpoint as checkpoints

    made = checkpoint_of("tiny", None)
    assert made.config["name"] == "random tiny"
    checkpoints.save(tmp_path, made)
    assert checkpoints.load(tmp_path).models.face.image_size == 128
    assert checkpoint_of(None, tmp_path).config["name"] == "random tiny"
