"""The gradient of a convolution's kernel alone: ours (vasa_jax.convolution), what XLA derives, and PyTorch's.

    python -m benchmarks.convolution

prints the table in processor time, summed over the cores of a CPU, which other work there disturbs little.
"""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks.timing import figure, interleave, table
from vasa_jax import convolution

CASES = (  # images (B, H, W, C) and channels made of them, by 3x3 kernels: the costly ones of a step of face_tiny
    ((8, 64, 64, 96), 32),
    ((8, 64, 64, 32), 24),
    ((8, 32, 32, 64), 64),
    ((32, 32, 32, 48), 24),
    ((32, 32, 32, 120), 16),
)
HEADER = ("images, channels made", "ours, ms", "XLA's own", "torch", "XLA / ours", "torch / ours")


def rows(repeats: int, clock: Callable[[], float] = time.perf_counter) -> list[list[str]]:
    return [row(shape, features, repeats, clock) for shape, features in CASES]


def row(shape: tuple[int, ...], features: int, repeats: int, clock: Callable[[], float]) -> list[str]:
    keys = jax.random.split(jax.random.key(0), 2)
    images, gradient = jax.random.normal(keys[0], shape), jax.random.normal(keys[1], (*shape[:3], features))
    kernel = jnp.zeros((3, 3, shape[-1], features))
    ways = {
        "ours": jax_way(convolution.convolve_2d, images, kernel, gradient),
        "xla": jax_way(convolution._convolve, images, kernel, gradient),
        "torch": torch_way(images, gradient),
    }
    ours, xla, theirs = (timing.later for timing in interleave(ways, repeats, clock).values())
    return [f"{shape}, {features}", *map(figure, (1e3 * ours, 1e3 * xla, 1e3 * theirs, xla / ours, theirs / ours))]


def jax_way(convolve: Callable, images: jax.Array, kernel: jax.Array, gradient: jax.Array) -> Callable[[], None]:
    def to_kernel(images: jax.Array, kernel: jax.Array, gradient: jax.Array) -> jax.Array:
        return jax.vjp(lambda kernel: convolve(images, kernel, 1), kernel)[1](gradient)[0]

    compiled = jax.jit(to_kernel)

    def run() -> None:
        jax.block_until_ready(compiled(images, kernel, gradient))

    return run


def torch_way(images: jax.Array, gradient: jax.Array) -> Callable[[], None]:
    x, g = (torch.from_numpy(np.moveaxis(np.array(array), -1, 1).copy()) for array in (images, gradient))
    shape = (g.shape[1], x.shape[1], 3, 3)

    def run() -> None:
        torch.nn.grad.conv2d_weight(x, shape, g, padding=1)

    return run


if __name__ == "__main__":
    print(table(HEADER, rows(7, time.process_time)))
