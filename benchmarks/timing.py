"""Times of several ways to do the same work, taken in turn, so that a busy machine slows all of them alike."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of the first call, which may compile, and the median of the later ones."""

    first: float
    later: float


def interleave(
    ways: Mapping[str, Callable[[], None]], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Timing]:
    """Runs every way once, then all of them in turn `repeats` times. A way must not return before its work is done."""
    first = {name: seconds(way, clock) for name, way in ways.items()}
    later = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            later[name].append(seconds(way, clock))
    return {name: Timing(first[name], statistics.median(later[name])) for name in ways}


def interleave_if_it_runs(
    ways: Mapping[str, Callable[[], None]], doubtful: str, repeats: int, clock: Callable[[], float] = time.perf_counter
) -> tuple[dict[str, Timing], str]:
    """The same, without the way called `doubtful` where one raises, and then the name of what it raised, else ""."""
    try:
        return interleave(ways, repeats, clock), ""
    except Exception as error:  # whatever a missing compiler or an operation that it does not know raises
        others = {name: way for name, way in ways.items() if name != doubtful}
        return interleave(others, repeats, clock), type(error).__name__


def seconds(way: Callable[[], None], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    way()
    return clock() - start


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def figure(value: float) -> str:
    """Three significant digits, no exponent."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def matrix_product_peak(dtype: jnp.dtype, repeats: int) -> float:
    """Operations a second of a large matrix product: what the device gives to work that suits it."""
    n = 2048 if jax.default_backend() == "cpu" else 8192
    matrix = jnp.ones((n, n), dtype)
    product = jax.jit(jnp.matmul)

    def multiply() -> None:
        product(matrix, matrix).block_until_ready()

    multiply()
    return 2 * n**3 / min(seconds(multiply) for _ in range(max(repeats, 3)))
