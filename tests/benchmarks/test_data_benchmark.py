"""The benchmark of the input pipeline, on a set that takes no time."""

import pytest

from benchmarks import data_load
from vasa_jax.data import clips


def test_every_kind_of_data_has_a_row(tmp_path):
    folder = data_load.make_set(tmp_path, 32, 4, 2)
    record = clips.open_clips(folder, "train")[0]
    assert clips.decode_frames(record, range(4)).shape == (4, 32, 32, 3)
    rows, costs, megabytes = data_load.measure(folder, batches=1, threads=1)
    assert [row[0] for row in rows][:2] == ["face, pairs, 32 pixels", "face, pairs at half the size, 16 pixels"]
    assert len(rows) == 4 == len(costs) and {len(row) for row in rows} == {5}
    assert min(costs.values()) > 0 and megabytes == pytest.approx(sum(map(len, record["frames"])) / 1e6, rel=0.1)


def test_operations_are_those_of_the_drawings_forward_and_backward():
    """0.62 / 0.9 TFLOP a drawing, three of them, three times for the backward pass."""
    assert data_load.operations() == pytest.approx(6.2)
