"""Training and decoding of stage 1 beside the same network in PyTorch: `python -m benchmarks.face --out face.md`.

Both have the same config, weights, images, loss and optimiser; that they agree is checked first. Ways of doing the same
work are timed in turn, and the first call, which compiles, apart. XLA counts the operations of the JAX program (of a
loop, one round); the share of the peak is of a matrix product timed in the same run. Needs PyTorch.
"""

import os
import sys
from pathlib import Path
from typing import Any

from absl import app, flags
from ml_collections import config_flags

CONFIG = config_flags.DEFINE_config_file("config", "configs/face_tiny.py", "A face config.")
BATCH = flags.DEFINE_integer("batch", 16, "Images in a training step.")
REPEATS = flags.DEFINE_integer("repeats", 5, "Timed calls of each way; the median counts.")
DTYPE = flags.DEFINE_enum("dtype", "float32", ["float32", "bfloat16"], "What the networks compute in.")
DEVICE = flags.DEFINE_enum("device", None, ["cpu", "gpu", "tpu"], "What JAX finds if not given.")
OUT = flags.DEFINE_string("out", None, "Markdown file to write.")

HEADER = (
    "work", "JAX, first call, s", "JAX, ms", "images/s", "GFLOP an image", "share of peak",
    "torch, ms", "torch / JAX", "torch.compile, first call, s", "torch.compile, ms", "torch.compile / JAX",
)  # fmt: skip
AGREEMENT = 1e-3  # between the two networks' images, in [-1, 1]


def main(_: list[str]) -> None:
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # a GPU is shared with PyTorch
    if DEVICE.value:
        os.environ["JAX_PLATFORMS"] = DEVICE.value.replace("gpu", "cuda")
    import jax
    import torch

    from benchmarks import sampling, timing
    from benchmarks.face_pair import Pair

    pair = Pair(CONFIG.value.model.to_dict(), BATCH.value, DTYPE.value)
    difference = pair.difference()
    if difference > AGREEMENT:
        sys.exit(f"the two networks' images differ by {difference:.1e}: not the same network")
    peak, rows = timing.matrix_product_peak(pair.dtype, REPEATS.value), []
    for work in pair.works():
        rows.append(row(work, peak, REPEATS.value))
        print(" | ".join(rows[-1]), flush=True)
    heading = (
        f"{CONFIG.value.model.image_size} pixels, {DTYPE.value}; {jax.devices()[0].device_kind}, "
        f"{os.cpu_count()} cores; "
        f"jax {jax.__version__}, torch {torch.__version__}; matrix product {peak / 1e9:.0f} GFLOP/s; "
        f"images agree to {difference:.0e}"
    )
    sampled = timing.table(sampling.HEADER, sampling.rows(REPEATS.value, pair.device))
    text = "\n\n".join([heading, timing.table(HEADER, rows), sampled])
    print(text)
    if OUT.value:
        Path(OUT.value).write_text(text)


def row(work: Any, peak: float, repeats: int) -> list[str]:
    """Times of one work; of torch.compile only where it runs at all."""
    from benchmarks.timing import figure, interleave_if_it_runs

    ways = {"jax": work.jax, "torch": work.torch, "compiled": work.compiled}
    timings, missing = interleave_if_it_runs(ways, "compiled", repeats)
    ours, eager, compiled = timings["jax"], timings["torch"], timings.get("compiled")
    speed = work.jax.operations / ours.later
    cells = [figure(ours.first), figure(1e3 * ours.later), figure(work.images / ours.later)]
    cells += [figure(work.jax.operations / work.images / 1e9), f"{speed / peak:.0%}"]
    cells += [figure(1e3 * eager.later), figure(eager.later / ours.later)]
    if compiled is None:
        return [work.name, *cells, f"not available ({missing})", "", ""]
    return [work.name, *cells, *map(figure, (compiled.first, 1e3 * compiled.later, compiled.later / ours.later))]


if __name__ == "__main__":
    app.run(main)
