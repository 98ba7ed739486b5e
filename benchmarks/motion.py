"""Sampling of stage 2 beside the same network in PyTorch: `python -m benchmarks.motion --out motion.md`.

Both have the same weights, conditions, steps and guidance; that the networks agree is checked first. Ways of doing the
same work are timed in turn, and the first call, which compiles, apart. Times do not depend on what the weights are, so
they are random ones. Needs PyTorch.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import app, flags
from ml_collections import config_flags

CONFIG = config_flags.DEFINE_config_file("config", "configs/motion_tiny.py", "A motion config.")
MOTION_SIZE = flags.DEFINE_integer("motion_size", 55, "Numbers of a motion vector; 7 of them are the pose.")
FEATURE_SIZE = flags.DEFINE_integer("feature_size", 96, "Numbers of a speech feature; 768 for Wav2Vec2.")
STEPS = flags.DEFINE_multi_integer("steps", [50, 10], "Numbers of steps of one window; the first for the audio too.")
FEW = flags.DEFINE_integer("few", 4, "Steps of the student.")
SECONDS = flags.DEFINE_float("seconds", 60.0, "Length of the audio.")
REPEATS = flags.DEFINE_integer("repeats", 5, "Timed calls of each way; the median counts.")
DTYPE = flags.DEFINE_enum("dtype", "float32", ["float32", "bfloat16"], "What our network computes in.")
DEVICE = flags.DEFINE_enum("device", None, ["cpu", "gpu", "tpu"], "What JAX finds if not given.")
CLOCK = flags.DEFINE_enum("clock", "wall", ["wall", "cpu"], "Seconds that pass, or of all cores, for a busy machine.")
OUT = flags.DEFINE_string("out", None, "Markdown file to write.")

HEADER = (
    "work", "JAX, first call, s", "JAX, s", "times real time", "torch, s", "torch / JAX",
    "torch.compile, first call, s", "torch.compile, s", "torch.compile / JAX",
)  # fmt: skip
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
AGREEMENT = {"float32": 1e-3, "bfloat16": 0.3}  # between the two networks' outputs, in standard deviations


def main(_: list[str]) -> None:
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # a GPU is shared with PyTorch
    if DEVICE.value:
        os.environ["JAX_PLATFORMS"] = DEVICE.value.replace("gpu", "cuda")
    import jax
    import torch

    from benchmarks.motion_pair import Pair
    from benchmarks.timing import table

    sizes = {"motion_size": MOTION_SIZE.value, "feature_size": FEATURE_SIZE.value, "dtype": DTYPE.value}
    pair = Pair({**CONFIG.value.model.to_dict(), **sizes})
    difference = pair.difference()
    if difference > AGREEMENT[DTYPE.value]:
        sys.exit(f"the two networks' outputs differ by {difference:.1e}: not the same network")
    rows = []
    for work in pair.works(tuple(STEPS.value), FEW.value, SECONDS.value):
        rows.append(row(work, REPEATS.value, CLOCKS[CLOCK.value]))
        print(" | ".join(rows[-1]), flush=True)
    heading = (
        f"{pair.models['teacher'].width} wide, {pair.models['teacher'].layers} layers, {DTYPE.value}; "
        f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores; jax {jax.__version__}, torch {torch.__version__}; "
        f"outputs agree to {difference:.0e}; {'seconds of all cores' if CLOCK.value == 'cpu' else 'seconds'}"
    )
    text = "\n\n".join([heading, table(HEADER, rows)])
    print(text)
    if OUT.value:
        Path(OUT.value).write_text(text)


def row(work: Any, repeats: int, clock: Callable[[], float]) -> list[str]:
    """Times of one work; of torch.compile only where it runs at all."""
    from benchmarks.timing import figure, interleave_if_it_runs

    ways = {"jax": work.jax, "torch": work.torch, "compiled": work.compiled}
    timings, missing = interleave_if_it_runs(ways, "compiled", repeats, clock)
    ours, eager, compiled = timings["jax"], timings["torch"], timings.get("compiled")
    cells = [work.name, figure(ours.first), figure(ours.later), figure(work.seconds / ours.later)]
    cells += [figure(eager.later), figure(eager.later / ours.later)]
    if compiled is None:
        return [*cells, f"not available ({missing})", "", ""]
    return [*cells, *map(figure, (compiled.first, compiled.later, compiled.later / ours.later))]


if __name__ == "__main__":
    app.run(main)
