"""A torso with a neckline or a collar, fitted around a person's neck; it does not move with the head."""

import numpy as np
from jaxtyping import Int

from vasa_jax.data.synthetic import anatomy

AROUND, DOWN = 72, 14


def build(model, person, appearance):
    """The clothes of a person with vertices `person` (N, 3): vertices (C, 3), normals (C, 3), triangles."""
    angle = np.linspace(-np.pi, np.pi, AROUND)
    ring = _neck_ring(model, person, angle)
    grids = [_torso(ring, angle, appearance)]
    if appearance.collar in ("shirt", "turtleneck"):
        grids.append(_collar(ring, angle, appearance))
    vertices, normals, triangles, first = [], [], [], 0
    for grid in (np.asarray(grid, np.float32) for grid in grids):
        vertices.append(grid.reshape(-1, 3))
        normals.append(_outward(grid).reshape(-1, 3))
        triangles.append(first + grid_triangles(*grid.shape[:2]))
        first += len(vertices[-1])
    return (
        np.concatenate(vertices),
        np.concatenate(normals).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
    )


def grid_triangles(rows: int, columns: int) -> Int[np.ndarray, "triangles 3"]:
    """Triangles over a grid of vertices, row after row."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    return np.stack([a, b, c, a, c, d], -1).reshape(-1, 3)


def _outward(grid):
    """Unit normals of a (rows, columns, 3) grid, pointing away from the vertical axis."""
    normal = np.cross(np.gradient(grid, axis=0), np.gradient(grid, axis=1))
    normal *= np.sign((normal * grid * [1, 0, 1]).sum(-1, keepdims=True)) + 1e-9
    return normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9)


def _neck_ring(model, person, angle):
    """(AROUND, 3) points on the base of the neck at each azimuth."""
    rest = model.vertices
    skin = model.within(anatomy.FACE) | model.within(anatomy.HEAD_AND_NECK)
    near = skin & (np.abs(rest[:, 1] + 10.4 + 0.10 * rest[:, 2]) < 1.3)
    points, rest = person[near], rest[near]
    azimuth = np.arctan2(rest[:, 0], rest[:, 2] + 1.0)
    weight = np.exp(4.0 * (np.cos(angle[:, None] - azimuth[None]) - 1) / 0.04)
    return (weight @ points) / weight.sum(1, keepdims=True)


def _torso(ring, angle, appearance):
    """From the neckline over the shoulders and down, (AROUND, DOWN, 3)."""
    front = np.clip(np.cos(angle), 0, 1)[:, None]
    t = np.linspace(0, 1, DOWN)[None]
    start = ring - ring.mean(0) * [1, 0, 1]
    grow = np.minimum(t * 1.6, 1) ** 0.9
    x = start[:, :1] * 1.1 * (1 - grow) + 21.0 * np.sin(angle)[:, None] * grow
    z = start[:, 2:] * 1.12 * (1 - grow) + (10.0 * np.cos(angle)[:, None]) * grow + ring[:, 2].mean()
    drop = 6.5 * np.clip(t * 1.6, 0, 1) ** 1.5 + 40 * np.clip(t - 0.6, 0, 1)
    neckline = {"crew": 2.2, "vee": 5.5, "shirt": 2.6, "turtleneck": 1.0}[appearance.collar]
    dip = neckline * front**3 * np.clip(1 - t * 2.5, 0, 1)
    y = -12.4 - drop - dip + 0 * x
    z = z + 0.35 * dip + 1.0 * front
    return np.stack([x, y, z], -1)


def _collar(ring, angle, appearance):
    """A standing ring around the neck: a turtleneck, or an open shirt collar, (AROUND, 5, 3)."""
    t = np.linspace(0, 1, 5)[None]
    front = np.clip(np.cos(angle), 0, 1)[:, None]
    centre = ring.mean(0) * [1, 0, 1]
    wide = 1.1 + 0.12 * np.sin(np.pi * t) if appearance.collar == "turtleneck" else 1.12 + 0.3 * (1 - t)
    top = {"turtleneck": 3.4, "shirt": 2.2}[appearance.collar]
    opening = 4.6 * front**6 if appearance.collar == "shirt" else 0.8 * front
    x = (ring[:, :1] - centre[0]) * wide
    z = (ring[:, 2:] - centre[2]) * wide + centre[2] + 0.5 * front
    y = -13.4 + top * t - opening * (0.35 + 0.65 * t) + 0 * x
    return np.stack([x, y, z], -1)
