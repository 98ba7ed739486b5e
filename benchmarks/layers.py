"""What is costly of drawing a frame on a CPU, alone: GroupNorm, and the convolution of a doubled image.

    python -m benchmarks.layers

prints the tables in processor time, summed over the cores, which other work there disturbs little.
"""

import time
from collections.abc import Callable, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks.timing import figure, interleave, table
from vasa_jax.convolution import convolve_2d
from vasa_jax.doubled import Doubled, convolve_doubled, double
from vasa_jax.layers import GroupNorm

NORMS = ((8, 32, 32, 64), (8, 64, 64, 32), (8, 64, 64, 96))  # images (B, H, W, C), four channels a group
DOUBLED = (((8, 32, 32, 64), 32), ((8, 32, 32, 64), 2), ((32, 16, 16, 16), 9))  # small images, channels made of them
NORM_HEADER = ("GroupNorm of", "ours, ms", "Flax's", "torch", "Flax / ours", "torch / ours")
DOUBLED_HEADER = ("doubled, 3x3, to", "ours, ms", "doubled, then convolved", "torch", "then / ours", "torch / ours")
Way = Callable[[], None]


def norm_row(shape: tuple[int, ...], repeats: int, clock: Callable[[], float]) -> list[str]:
    image, groups = jax.random.normal(jax.random.key(0), shape), shape[-1] // 4
    twin = _to_torch(image)
    ways = {
        "ours": _way(GroupNorm(groups).apply, _params(shape[-1]), image),
        "flax": _way(nn.GroupNorm(groups).apply, _params(shape[-1]), image),
        "torch": lambda: torch.nn.functional.group_norm(twin, groups, torch.ones(shape[-1]), torch.zeros(shape[-1])),
    }
    return [str(shape), *_cells(ways, repeats, clock)]


def doubled_row(shape: tuple[int, ...], features: int, repeats: int, clock: Callable[[], float]) -> list[str]:
    keys = jax.random.split(jax.random.key(0), 2)
    small = jax.random.normal(keys[0], shape)
    kernel = jax.random.normal(keys[1], (3, 3, shape[-1], features))
    twin, weight = _to_torch(small), torch.from_numpy(np.array(kernel)).permute(3, 2, 0, 1).contiguous()

    def by_torch() -> None:
        torch.nn.functional.conv2d(torch.nn.functional.interpolate(twin, scale_factor=2), weight, padding=1)

    ways = {
        "ours": _way(lambda small, kernel: convolve_doubled(Doubled(small), kernel), small, kernel),
        "plain": _way(lambda small, kernel: convolve_2d(double(small), kernel), small, kernel),
        "torch": by_torch,
    }
    return [f"{shape}, {features}", *_cells(ways, repeats, clock)]


def _cells(ways: Mapping[str, Way], repeats: int, clock: Callable[[], float]) -> list[str]:
    with torch.no_grad():
        ours, other, theirs = (timing.later for timing in interleave(ways, repeats, clock).values())
    return list(map(figure, (1e3 * ours, 1e3 * other, 1e3 * theirs, other / ours, theirs / ours)))


def _way(function: Callable, *args: object) -> Way:
    compiled = jax.jit(function)
    return lambda: jax.block_until_ready(compiled(*args))


def _params(channels: int) -> dict[str, dict[str, jax.Array]]:
    return {"params": {"scale": jnp.ones(channels), "bias": jnp.zeros(channels)}}


def _to_torch(images: jax.Array) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(np.array(images), -1, 1).copy())


def main(repeats: int, clock: Callable[[], float]) -> None:
    print(table(NORM_HEADER, [norm_row(shape, repeats, clock) for shape in NORMS]))
    print(table(DOUBLED_HEADER, [doubled_row(shape, features, repeats, clock) for shape, features in DOUBLED]))


if __name__ == "__main__":
    main(9, time.process_time)
