"""One synthetic person: a head model in the shape of an identity, with eyes, hair, clothes and looks."""

import dataclasses
import functools

import numpy as np
import scipy.spatial

from vasa_jax.data.synthetic import anatomy, appearance, clothes, hair, lips
from vasa_jax.data.synthetic.eyes import Eyes


@dataclasses.dataclass(frozen=True)
class Person:
    """Geometry at rest, cm: vertices and normals (N, 3), eyes, hair (or None), clothes; and the looks."""

    looks: appearance.Appearance
    vertices: np.ndarray
    normals: np.ndarray
    lips: lips.Lips
    eyes: Eyes
    hair: hair.HairMesh | None
    clothes: tuple[np.ndarray, np.ndarray, np.ndarray]


def draw(model, rng):
    """Draws a person from a generator."""
    looks = appearance.draw(rng)
    vertices = lips.close_at_rest(model, model.identity(looks.shape))
    normals = np.zeros_like(vertices)
    model.all_polygons.update(normals, vertices)
    return Person(
        looks=looks,
        vertices=vertices,
        normals=normals,
        lips=lips.measure(model, vertices),
        eyes=Eyes(model, vertices),
        hair=hair.build(model, vertices, looks),
        clothes=clothes.build(model, vertices, looks),
    )


def paint_marks(model, looks):
    """(N, 4) float32 for the painter: scalp distance (cm), cavity shade, neck shade, 1 in the eye sockets."""
    return np.concatenate([hair.scalp_distance(model, looks)[:, None], _shades(model)], 1).astype(np.float32)


@functools.cache
def _shades(model):
    """(N, 3) cavity shade, neck shade, eye sockets, all on the mean head: what is hollow gets less light."""
    rest = model.vertices
    normals = np.zeros_like(rest)
    model.all_polygons.update(normals, rest)
    smooth = rest
    for _ in range(20):
        smooth = 0.5 * smooth + 0.5 * (model.neighbours @ smooth)
    cavity = np.clip(1.0 + 1.1 * ((rest - smooth) * normals).sum(1), 0.55, 1.06)
    height = rest[:, 1] + 0.38 * rest[:, 2]
    neck = 1.0 - 0.30 * np.clip((-4.6 - height) / 1.5, 0, 1) * np.clip((height + 13) / 5, 0.35, 1)
    return np.stack([cavity, neck, model.within(anatomy.EYE_SOCKETS)], 1)


def vertex_extras(model):
    """(S, 4) per render vertex: neck weight; texture coordinates of skin, kind of mouth part or lash fade."""
    rest = model.vertices
    extras = np.zeros((len(rest), 4), np.float32)
    extras[:, 0] = anatomy.neck_weight(rest)
    for part in (anatomy.MOUTH_SOCKET, anatomy.GUMS_AND_TONGUE, anatomy.TEETH, anatomy.LASHES):
        extras[model.within(part), 0] = 1.0
    extras[model.within(anatomy.GUMS_AND_TONGUE), 1] = 1.0
    extras[model.within(anatomy.TEETH), 1] = 2.0
    lashes = model.within(anatomy.LASHES)
    skin = model.within(anatomy.FACE)
    distance = scipy.spatial.cKDTree(rest[skin]).query(rest[lashes])[0]
    lower = rest[lashes, 1] < 3.45
    extras[lashes, 1] = np.clip(1.0 - distance / 0.55, 0.0, 1.0) * np.where(lower, 0.3, 1.0)
    extras = extras[model.source]
    painted = skin | model.within(anatomy.HEAD_AND_NECK) | model.within(anatomy.EYE_SOCKETS)
    painted = painted[model.source]
    extras[painted, 1:3] = model.uv[painted]
    return extras


def outline(points, count):
    """A closed Catmull-Rom curve through points (P, D), sampled `count` times."""
    at = np.arange(count) * len(points) / count
    return _catmull_rom(np.concatenate([points[-1:], points, points[:2]]), at)


def stroke(points, count):
    """An open Catmull-Rom curve through points (P, D), ends included, sampled `count` times."""
    first, last = 2 * points[:1] - points[1:2], 2 * points[-1:] - points[-2:-1]
    at = np.linspace(0, len(points) - 1 - 1e-6, count)
    return _catmull_rom(np.concatenate([first, points, last]), at)


def _catmull_rom(padded, at):
    cell = at.astype(int)
    t = (at - cell)[:, None]
    a, b, c, d = (padded[cell + k] for k in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
