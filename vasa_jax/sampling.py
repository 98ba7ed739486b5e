"""Trilinear sampling of volumes and bilinear sampling of images, with a derivative of their own.

Forward, an output is a weighted sum of its 8 (an image: 4) corner values. Backward, the corner values are fetched again
instead of kept. An axis of size 1 has no second corner, and gives its coordinate no gradient.

There are two forms of one mathematics. The general one is gathers and scatter-adds with the batch as a batch axis, so
that a batch split over devices needs no communication. The form for a single CPU has loops in their place, several
times as fast there but not to be split. The frame of `points` is that of vasa_jax.geometry.
"""

import functools
import itertools
import math
from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vasa_jax.platforms import on_platform

BLOCK = 1024  # points that a single CPU samples at a time: their values stay in its cache


def sample_image(
    image: Float[Array, "batch height width channels"], points: Float[Array, "batch *grid 2"]
) -> Float[Array, "batch *grid channels"]:
    """Bilinear interpolation of `image` at image coordinates; the border outside."""
    flat = jnp.concatenate([points, jnp.zeros_like(points[..., :1])], -1)
    return sample_volume(image[:, None], flat)


def sample_volume(
    volume: Float[Array, "batch depth height width channels"], points: Float[Array, "batch *grid 3"]
) -> Float[Array, "batch *grid channels"]:
    """Trilinear interpolation of `volume` at `points`; points outside take the value at the border.

    Sums are in float32 where the volume or the points have less. A coordinate outside gets no gradient; at a cell's
    centre, where the slope jumps, it gets that of one side.
    """
    batch, *grid, _ = points.shape
    sampled = _sample(volume, points.reshape(batch, math.prod(grid), 3))
    return sampled.reshape(batch, *grid, volume.shape[-1])


@jax.custom_vjp
def _sample(
    volume: Float[Array, "batch depth height width channels"], points: Float[Array, "batch points 3"]
) -> Float[Array, "batch points channels"]:
    return on_platform(_forward, _forward_one_cpu, volume, points)


def _keep(volume: Array, points: Array) -> tuple[Array, tuple[Array, Array]]:
    return _sample(volume, points), (volume, points)


def _pull_back(kept: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    """The gradients of volume and points."""
    return on_platform(_backward, _backward_one_cpu, *kept, gradient)


_sample.defvjp(_keep, _pull_back)


def _forward(volume: Array, points: Array) -> Array:
    low, fraction, _ = _locate(volume.shape, points)
    return _interpolate(volume, low, _weights(volume.shape, fraction)).astype(volume.dtype)


def _backward(volume: Array, points: Array, gradient: Array) -> tuple[Array, Array]:
    """One scatter-add a corner for the volume; one sum over channels an axis for the points."""
    volume, points = jax.lax.optimization_barrier((volume, points))  # else XLA keeps the forward pass's corner values
    low, fraction, scale = _locate(volume.shape, points)
    gradient = gradient.astype(fraction.dtype)
    to_volume = jnp.zeros(volume.shape, gradient.dtype).reshape(volume.shape[0], -1, volume.shape[-1])
    for cell, weight in zip(_cells(volume.shape, low), _weights(volume.shape, fraction), strict=True):
        to_volume = jax.vmap(_add_at)(to_volume, cell, weight[..., None] * gradient)
    slopes = [jnp.sum(_slope(volume, low, fraction, axis) * gradient, -1) for axis in range(3)]
    to_points = jnp.stack(slopes, -1) * scale
    return to_volume.reshape(volume.shape).astype(volume.dtype), to_points.astype(points.dtype)


def _forward_one_cpu(volume: Array, points: Array) -> Array:
    """A loop over blocks of points: XLA joins a block's gathers and sums into one pass, and cannot undo that to share
    the gathers among several readers of the result."""
    shape, flat = volume.shape, volume.reshape(-1, volume.shape[-1])
    low, fraction, _ = _locate(shape, points)
    first = jnp.arange(shape[0], dtype=jnp.int32) * math.prod(shape[1:4])  # cell of each entry

    def sample(place: tuple[Array, Array, Array]) -> Float[Array, "channels"]:
        first, low, fraction = place
        corners = zip(_weights(shape, fraction), _cells(shape, low), strict=True)
        return _sum(weight * _take(flat, first + cell) for weight, cell in corners).astype(volume.dtype)

    places = (jnp.repeat(first, points.shape[1]), low.reshape(-1, 3), fraction.reshape(-1, 3))
    return jax.lax.map(sample, places, batch_size=BLOCK).reshape(*points.shape[:2], -1)


def _backward_one_cpu(volume: Array, points: Array, gradient: Array) -> tuple[Array, Array]:
    """A loop over points: XLA's scatter and its sum over channels are slow there. A cell's corners are one block of the
    volume, so each point reads one, adds to one, and leaves the corners' shares of its own gradient."""
    shape, (batch, count, channels) = volume.shape, gradient.shape
    low, fraction, scale = _locate(shape, points)
    gradients = gradient.astype(fraction.dtype).reshape(-1, channels)
    block = (1, *(min(2, n) for n in shape[1:4]))
    corners = math.prod(block)
    weights = jnp.stack(_weights(shape, fraction), -1).reshape(-1, corners)
    entry = jnp.repeat(jnp.arange(batch, dtype=jnp.int32), count)
    places = jnp.concatenate([entry[:, None], low[..., ::-1].reshape(-1, 3)], -1)

    def add(i: int | Array, so_far: tuple[Array, Array]) -> tuple[Array, Array]:
        to_volume, products = so_far
        place, weight, own = (jax.lax.dynamic_slice_in_dim(x, i, 1) for x in (places, weights, gradients))
        start = (*place[0], jnp.int32(0))
        values, before = (jax.lax.dynamic_slice(x, start, (*block, channels)) for x in (volume, to_volume))
        after = before + weight.reshape(*block, 1) * own
        product = (values * own).sum(-1).reshape(1, corners)
        to_volume = jax.lax.dynamic_update_slice(to_volume, after, start)
        return to_volume, jax.lax.dynamic_update_slice_in_dim(products, product, i, 0)

    zeros = jnp.zeros(shape, fraction.dtype), jnp.zeros((batch * count, corners), fraction.dtype)
    to_volume, products = jax.lax.fori_loop(0, batch * count, add, zeros)
    shares = jnp.moveaxis(products.reshape(batch, count, corners), -1, 0)
    slopes = [_sum(w * s for w, s in zip(_weights(shape, fraction, axis), shares, strict=True)) for axis in range(3)]
    return to_volume.astype(volume.dtype), (jnp.stack(slopes, -1) * scale).astype(points.dtype)


def _locate(shape: tuple[int, ...], points: Float[Array, "batch points 3"]) -> tuple[Array, Array, Array]:
    """Each point's lower corner (integers), its place in [0, 1] between that and the next, and d place / d point.

    All are (batch, points, 3) in the order x, y, z; the derivative is 0 outside the volume.
    """
    size = np.array(shape[3:0:-1])
    points = points.astype(jnp.promote_types(points.dtype, jnp.float32))
    scale = jnp.array([1, -1, 1] * size / 2, points.dtype)
    position = points * scale + jnp.array((size - 1) / 2, points.dtype)
    clamped = jnp.clip(position, 0, size - 1)
    low = jnp.minimum(jnp.floor(clamped), np.maximum(size - 2, 0))
    return low.astype(jnp.int32), clamped - low, jnp.where(position == clamped, scale, 0)


def _cells(shape: tuple[int, ...], low: Int[Array, "*points 3"]) -> list[Int[Array, "*points"]]:
    """Index of each corner in the flattened volume; width fastest, as in `_weights`."""
    _, depth, height, width, _ = shape
    lowest = (low[..., 2] * height + low[..., 1]) * width + low[..., 0]
    steps = itertools.product(*(range(min(2, n)) for n in (depth, height, width)))
    return [lowest + (z * height + y) * width + x for z, y, x in steps]


def _weights(
    shape: tuple[int, ...], fraction: Float[Array, "*points 3"], slope: int | None = None
) -> list[Float[Array, "*points"]]:
    """Each corner's share in a point's value, or its derivative by coordinate `slope` of `fraction`."""
    shares = []
    for axis, size in zip((2, 1, 0), shape[1:4], strict=True):
        place = fraction[..., axis]
        zero, one = jnp.zeros_like(place), jnp.ones_like(place)
        if axis == slope:
            shares.append((-one, one) if size > 1 else (zero,))
        else:
            shares.append((1 - place, place) if size > 1 else (one,))
    return [functools.reduce(jnp.multiply, factors) for factors in itertools.product(*shares)]


def _slope(volume: Array, low: Array, fraction: Array, axis: int) -> Array:
    """Derivative of the sampled values by coordinate `axis` of `fraction`; 0 along an axis of one cell."""
    if volume.shape[3 - axis] == 1:
        return jnp.zeros((*low.shape[:2], volume.shape[-1]), fraction.dtype)
    return _interpolate(volume, low, _weights(volume.shape, fraction, axis))


def _interpolate(volume: Array, low: Array, weights: list[Array]) -> Float[Array, "batch points channels"]:
    """The sum over corners of weight times value."""
    flat = volume.reshape(volume.shape[0], -1, volume.shape[-1])
    places = zip(_cells(volume.shape, low), weights, strict=True)
    return _sum(weight[..., None] * jax.vmap(_take)(flat, cell) for cell, weight in places)


def _sum(terms: Iterable[Array]) -> Array:
    return functools.reduce(jnp.add, terms)


def _take(cells: Float[Array, "cells channels"], index: Int[Array, "*points"]) -> Float[Array, "*points channels"]:
    return cells.at[index].get(mode="promise_in_bounds")


def _add_at(
    cells: Float[Array, "cells channels"], index: Int[Array, "points"], values: Float[Array, "points channels"]
) -> Float[Array, "cells channels"]:
    return cells.at[index].add(values, mode="promise_in_bounds")
