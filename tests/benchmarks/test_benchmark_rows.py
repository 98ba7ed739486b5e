"""The pieces of the benchmark's tables, on work that takes no time."""

import time

import pytest

from benchmarks import timing


def test_ways_take_turns_and_the_first_call_stands_apart():
    order = []
    ways = {name: lambda name=name: order.append(name) for name in "ab"}
    timings = timing.interleave(ways, 3)
    assert "".join(order) == "abababab"
    assert set(timings) == {"a", "b"} and timings["a"].later >= 0


@pytest.mark.parametrize("value, text", [(0.01234, "0.0123"), (12.34, "12.3"), (1639.4, "1639")])
def test_figures_have_no_exponent(value, text):
    assert timing.figure(value) == text


def test_a_table_is_markdown():
    assert timing.table(("a", "b"), [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2, 2, 3, 4, 5), (2, 1, 3, 4, 5)], ids=["volume", "image"])
def test_a_row_of_sampling_has_a_cell_for_each_heading(shape):
    pytest.importorskip("torch")
    from benchmarks import sampling

    cells = sampling.row("small", shape, 1, "cpu", time.perf_counter)
    assert len(cells) == len(sampling.HEADER)
    assert all(float(cell) > 0 for cell in cells[1:])


def test_a_row_of_convolution_has_a_cell_for_each_heading():
    pytest.importorskip("torch")
    from benchmarks import convolution

    cells = convolution.row((2, 5, 4, 3), 2, 1, time.perf_counter)
    assert len(cells) == len(convolution.HEADER)
    assert all(float(cell) > 0 for cell in cells[1:])


def test_rows_of_layers_have_a_cell_for_each_heading():
    pytest.importorskip("torch")
    from benchmarks import layers

    norm = layers.norm_row((2, 5, 4, 8), 1, time.perf_counter)
    doubled = layers.doubled_row((2, 5, 4, 3), 2, 1, time.perf_counter)
    for cells, header in ((norm, layers.NORM_HEADER), (doubled, layers.DOUBLED_HEADER)):
        assert len(cells) == len(header) and all(float(cell) > 0 for cell in cells[1:])
