"""Hair as layered sheets of strands that start at the parting, follow the skull and may hang down.

A strand runs from the parting to a point of the hairline around the head; styles differ in where the hairline
lies, how far the strands stand off the skull and how far they hang below. Sheets of growing distance, with
strand-like transparency, soften the outline.
"""

import dataclasses

import numpy as np
import scipy.sparse
import scipy.spatial

from vasa_jax.data.synthetic import anatomy
from vasa_jax.data.synthetic.clothes import grid_triangles

AROUND, ALONG, HANGING = 112, 18, 10
SHEETS = 4
# How far the hair stands off the skull at the top and at the sides, cm.
THICKNESS = {
    "short": (1.0, 0.5), "quiff": (1.8, 0.5), "fringe": (1.2, 0.9), "bob": (1.2, 1.1), "long": (1.1, 1.0),
    "tucked": (0.8, 0.5), "bun": (0.6, 0.4), "curls": (2.2, 2.0),
}  # fmt: skip
SKULL_CENTRE = np.array([0.0, 4.0, 0.0])


@dataclasses.dataclass(frozen=True)
class HairMesh:
    """Vertices, normals, tangents along the strands (H, 3); triangles (T, 3).

    `strand` (H, 3) places a vertex: around the head, along its strand, from inner to outer sheet, each 0..1.
    """

    vertices: np.ndarray
    normals: np.ndarray
    tangents: np.ndarray
    strand: np.ndarray
    triangles: np.ndarray


def hairline_height(angle, appearance):
    """Height y (cm) of the hairline at azimuth `angle`, radians, 0 in front, +-pi at the back of the head."""
    a = np.degrees(np.abs(angle))
    front = 6.2 + appearance.hairline
    recede = 0.5 if appearance.age < 0.5 else 0.5 + 1.2 * (appearance.age - 0.5)
    knots = [0, 22, 38, 50, 62, 74, 84, 96, 110, 122, 140, 180]
    temple = [front, front, front + recede - 0.2, front - 0.7, front - 2.4]
    around_ear_to_nape = [3.0, 2.4, 5.2, 4.0, -1.5, -4.6, -5.0]
    heights = temple + around_ear_to_nape
    return np.interp(a, knots, heights)


def scalp_distance(model, appearance):
    """(N,) how far each vertex lies inside the hairline, cm, negative on the face."""
    v = model.vertices
    angle = np.arctan2(v[:, 0], v[:, 2] - SKULL_CENTRE[2])
    ear = (np.abs(v[:, 0]) > 7.75) & (v[:, 1] < 6.0) & (v[:, 1] > -3) & (v[:, 2] > -3.4)
    return np.where(ear, -2.0, v[:, 1] - hairline_height(angle, appearance)).astype(np.float32)


def build(model, person, appearance):
    """HairMesh of a person with vertices `person` (N, 3), or None for the bald and the shorn."""
    if appearance.hair_style in ("bald", "buzz"):
        return None
    angle = np.linspace(-np.pi, np.pi, AROUND)
    directions = _directions(angle, appearance)
    roots = (_skull(model, directions) @ person).reshape(AROUND, ALONG, 3)
    outward = roots - SKULL_CENTRE
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    strands = _hang(roots, outward, angle, appearance)
    sheets = [_sheet(strands, outward, angle, appearance, number / (SHEETS - 1)) for number in range(SHEETS)]
    return _mesh(np.stack(sheets))


def _directions(angle, appearance):
    """(AROUND, ALONG, 3) unit directions from the skull's centre, from the parting to the hairline."""
    combed_back = appearance.hair_style in ("bun", "tucked", "quiff")
    height = hairline_height(angle, appearance)
    if appearance.hair_style == "fringe":
        height = height - np.clip(1.2 - np.abs(angle) / 0.8, 0, 1) * (1.4 + 1.6 * appearance.hair_length)
    height = height + _clumps(angle, appearance.seed) * (0.25 if combed_back else 0.5)
    rise = np.arctan2(height - SKULL_CENTRE[1], 8.8)
    end = np.stack([np.sin(angle) * np.cos(rise), np.sin(rise), np.cos(angle) * np.cos(rise)], -1)
    start = np.array([0.38 * appearance.parting, 1.0, -0.15 if combed_back else 0.42])
    start /= np.linalg.norm(start)
    t = np.linspace(0, 1, ALONG)[None, :, None]
    cosine = np.clip(end @ start, -1, 1)[:, None, None]
    omega = np.arccos(cosine)
    return (np.sin((1 - t) * omega) * start + np.sin(t * omega) * end[:, None]) / np.sin(omega)


def _clumps(angle, seed):
    """Irregular unevenness around the head, about -1..1, as locks of hair make it."""
    waves = ((5, 0.3), (11, 0.3), (19, 0.3), (31, 0.3))
    return sum(size * np.sin(n * angle + seed * (1 + 0.37 * n)) for n, size in waves)


def _skull(model, directions):
    """Sparse matrix (AROUND * ALONG, N): the skin seen in each direction, without ears and neck."""
    v = model.vertices
    skin = model.within(anatomy.FACE) | model.within(anatomy.HEAD_AND_NECK)
    ear = (np.abs(v[:, 0]) > 7.75) & (v[:, 1] < 6.0) & (v[:, 2] > -3.6)
    candidates = np.nonzero(skin & ~ear & (v[:, 1] > -8) & ((v[:, 2] < 10.2) | (v[:, 1] > 5)))[0]
    rays = v[candidates] - SKULL_CENTRE
    tree = scipy.spatial.cKDTree(rays / np.linalg.norm(rays, axis=1, keepdims=True))
    distance, nearest = tree.query(directions.reshape(-1, 3), k=6)
    weight = 1 / (distance + 0.02)
    weight /= weight.sum(1, keepdims=True)
    row = np.repeat(np.arange(len(weight)), 6)
    column = candidates[nearest.ravel()]
    return scipy.sparse.csr_matrix((weight.ravel(), (row, column)), (len(weight), len(v)))


def _hang(roots, outward, angle, appearance):
    """Appends HANGING points: all at the hairline for short styles, down to the shoulders for long ones."""
    a = np.degrees(np.abs(angle))
    style, length = appearance.hair_style, appearance.hair_length
    first = {"bob": 58.0, "long": 56.0, "curls": 70.0, "tucked": 112.0}.get(style, 400.0)
    lowest = {"bob": (-5, 3), "long": (-11, 8), "curls": (-1, 6), "tucked": (-12, 0)}.get(style, (0, 0))
    amount = np.clip((a - first) / 10.0, 0, 1)
    end = roots[:, -1]
    drop = amount * np.maximum(end[:, 1] - (lowest[0] - lowest[1] * length), 0)
    t = np.linspace(0, 1, HANGING + 1)[1:]
    hanging = np.repeat(end[:, None], HANGING, 1)
    hanging[..., 1] -= drop[:, None] * t
    wave = 0.35 * np.sin(9 * t + appearance.seed + 3 * angle[:, None]) * t * amount[:, None]
    side = np.sign(np.sin(angle))[:, None]
    clear = np.clip(1 - np.abs(a - 85) / 40, 0, 1)[:, None] if style != "tucked" else 0.0
    flare = np.minimum(t * 4, 1) * (2.0 * clear) - 1.2 * np.clip(t - 0.5, 0, 1)
    hanging[..., 0] += side * (amount[:, None] * flare + wave)
    hanging[..., 2] += amount[:, None] * (0.3 * wave - 0.8 * t * (a[:, None] > 120))
    return np.concatenate([roots, hanging], 1)


def _sheet(strands, outward, angle, appearance, level):
    """One sheet: strands pushed off the skull; level 0 is the innermost."""
    a = np.degrees(np.abs(angle))
    top, side = (appearance.hair_volume * thickness for thickness in THICKNESS[appearance.hair_style])
    height = top + (side - top) * np.clip((a - 30) / 45, 0, 1)
    t = np.linspace(0, 1, ALONG)
    lift = np.clip((1.03 - t) / 0.22, 0.15, 1) ** 0.7
    lift = np.concatenate([lift, np.full(HANGING, lift[-1])])
    hangs = np.linspace(0, 1, strands.shape[1])[None] > (ALONG - 1) / (strands.shape[1] - 1)
    lumps = 1 + 0.3 * _clumps(angle, appearance.seed + 5)
    reach = height[:, None] * np.where(hangs, 0.55, lift[None]) * lumps[:, None] * (0.55 + 0.45 * level)
    reach = reach + 0.12 + 0.1 * level
    push = np.concatenate([outward, np.repeat(outward[:, -1:], HANGING, 1)], 1)
    push = push * np.where(hangs[..., None], [1, 0, 1], 1)  # hanging hair is pushed sideways only
    return strands + push * reach[..., None]


def _mesh(sheets):
    """Triangles, normals and tangents of (SHEETS, AROUND, rows, 3) grids."""
    count, around, rows, _ = sheets.shape
    along = np.gradient(sheets, axis=2)
    across = np.gradient(sheets, axis=1)
    normals = np.cross(across, along)
    normals *= np.sign((normals * (sheets - SKULL_CENTRE * [1, 0, 1])).sum(-1, keepdims=True)) + 1e-9
    axes = (np.linspace(0, 1, size) for size in (count, around, rows))
    strand = np.stack(np.meshgrid(*axes, indexing="ij"), -1)[..., [1, 2, 0]]
    one = grid_triangles(around, rows)
    triangles = np.concatenate([one + number * around * rows for number in range(count)])
    arrays = (sheets, _unit(normals), _unit(along), strand)
    return HairMesh(
        *(array.reshape(-1, 3).astype(np.float32) for array in arrays), triangles.astype(np.int32)
    )


def _unit(vectors):
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)
