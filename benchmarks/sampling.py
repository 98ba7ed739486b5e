"""Trilinear and bilinear sampling alone: ours, XLA's own derivative of the same forward pass, PyTorch's grid_sample.

    python -m benchmarks.sampling

prints the table in processor time, summed over the cores of a CPU, which other work there disturbs little; what
benchmarks.face prints is time by the clock.
"""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from jax import Array

from benchmarks.timing import Timing, figure, interleave, table
from vasa_jax import sampling
from vasa_jax.geometry import volume_grid

CASES = {  # name: volume (B, D, H, W, C), sampled at as many points as it has cells
    "tiny: volume": (16, 4, 32, 32, 24),
    "tiny: deformation": (16, 4, 32, 32, 3),
    "tiny: image": (16, 1, 128, 128, 3),
    "features": (16, 1, 64, 64, 32),
    "paper: volume": (1, 16, 64, 64, 96),
}
HEADER = (
    "sampling, ms", "forward: ours", "general", "torch", "general / ours", "torch / ours",
    "backward: ours", "XLA's own", "torch", "XLA / ours", "torch / ours",
)  # fmt: skip


def rows(repeats: int, device: str, clock: Callable[[], float] = time.perf_counter) -> list[list[str]]:
    return [row(name, shape, repeats, device, clock) for name, shape in CASES.items()]


def row(name: str, shape: tuple[int, ...], repeats: int, device: str, clock: Callable[[], float]) -> list[str]:
    """Forward, and the derivative by volume and points of a given gradient of the result, in milliseconds."""
    volume, points, gradient = example(shape)
    forward, backward = {}, {}
    for label, function in (("ours", sampling.sample_volume), ("xla", plain)):
        forward[label] = jax_way(function, volume, points)
        backward[label] = jax_way(pull_back(function), volume, points, gradient)
    forward["torch"], backward["torch"] = torch_ways(volume, points, gradient, device)
    timings = (interleave(ways, repeats, clock) for ways in (forward, backward))
    return [f"{name} {shape}", *(cell for timing in timings for cell in cells(timing))]


def example(shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """A volume, its own grid a tenth too large and smoothly bent, and a gradient of what is sampled there."""
    keys = jax.random.split(jax.random.key(0), 3)
    batch, *size, channels = shape
    coarse = jax.random.normal(keys[0], (batch, *(max(1, n // 8) for n in size), 3))
    points = 1.1 * volume_grid(*size) + 0.1 * jax.image.resize(coarse, (batch, *size, 3), "linear")
    return jax.random.normal(keys[1], shape), points, jax.random.normal(keys[2], (batch, *size, channels))


def plain(volume: Array, points: Array) -> Array:
    """The general form of our forward pass (see vasa_jax.sampling), which XLA derives itself."""
    batch, *grid, _ = points.shape
    sampled = sampling._forward(volume, points.reshape(batch, -1, 3))
    return sampled.reshape(batch, *grid, -1)


def pull_back(function: Callable) -> Callable:
    return lambda volume, points, gradient: jax.vjp(function, volume, points)[1](gradient)


def jax_way(function: Callable, *args: Array) -> Callable[[], None]:
    compiled = jax.jit(function)

    def run() -> None:
        jax.block_until_ready(compiled(*args))

    return run


def torch_ways(volume: Array, points: Array, gradient: Array, device: str) -> tuple[Callable, Callable]:
    """grid_sample on channels first; of an image in two dimensions."""
    volume, gradient = (torch.from_numpy(np.array(x)).to(device).movedim(-1, 1) for x in (volume, gradient))
    points = torch.from_numpy(np.array(points * jnp.array([1.0, -1.0, 1.0]))).to(device)
    if volume.shape[2] == 1:
        volume, gradient, points = volume[:, :, 0], gradient[:, :, 0], points[:, 0, ..., :2]
    volume, points, gradient = volume.contiguous(), points.contiguous(), gradient.contiguous()
    volume.requires_grad_()
    points.requires_grad_()

    def sample() -> torch.Tensor:
        return F.grid_sample(volume, points, padding_mode="border", align_corners=False)

    def forward() -> None:
        with torch.no_grad():
            sample()
        wait(device)

    result = sample()

    def backward() -> None:
        torch.autograd.grad(result, (volume, points), gradient, retain_graph=True)
        wait(device)

    return forward, backward


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def cells(timings: dict[str, Timing]) -> list[str]:
    ours = timings["ours"].later
    others = [timings[name].later for name in ("xla", "torch")]
    return [*(figure(1e3 * t) for t in (ours, *others)), *(figure(t / ours) for t in others)]


if __name__ == "__main__":
    print(table(HEADER, rows(9, "cpu", time.process_time)))
