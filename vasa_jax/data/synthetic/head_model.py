"""The ICT-FaceKit morphable head: identity and expression shapes to vertices, normals and landmarks.

Only what a camera in front of the face can see is kept: the backs of teeth and eyeballs and the iris disc
behind the cornea are dropped at load time. Everything is float32 and in centimetres.
"""

import dataclasses
import functools
import pathlib

import numpy as np
import scipy.sparse
from jaxtyping import Float

from vasa_jax.data.synthetic import anatomy
from vasa_jax.errors import UserError

IDENTITY_SIZE = 50  # the later principal components are invisible at the sizes rendered here
ORIGIN = "github.com/ICT-VGL/ICT-FaceKit (MIT)"


@dataclasses.dataclass(frozen=True, eq=False)
class HeadModel:
    """The reduced mesh: N vertices, S "render vertices" (one for each texture coordinate of a vertex).

    Attributes:
      vertices: (N, 3) mean head.
      identity_shapes: (50, N * 3) offsets for unit coefficients.
      expression_shapes: (57, N * 3) offsets for coefficient 1.
      expression_names: the 57 names in order.
      kept: (N,) vertex indices of the full model.
      source: (S,) vertex of a render vertex.
      uv: (S, 2) texture coordinates, u in [0, 1] over both tiles.
      parts: name -> (T, 3) int32 triangles over render vertices: skin, mouth, eyes, lashes.
      corners: (Q, 4) polygons over vertices, a triangle repeats its last corner.
      landmarks: (68,) vertices.
    """

    vertices: np.ndarray
    identity_shapes: np.ndarray
    expression_shapes: np.ndarray
    expression_names: tuple[str, ...]
    kept: np.ndarray
    source: np.ndarray
    uv: np.ndarray
    parts: dict[str, np.ndarray]
    corners: np.ndarray
    landmarks: np.ndarray

    def within(self, part):
        """Mask (N,) of the vertices in a range of the full model."""
        return (self.kept >= part.start) & (self.kept < part.stop)

    def identity(self, coefficients: Float[np.ndarray, "50"]) -> Float[np.ndarray, "vertices 3"]:
        """Principal components (unit variance) to the vertices of a person at rest."""
        # Not by BLAS, whose sums depend on its number of threads.
        offsets = np.einsum("i,ij->j", coefficients.astype(np.float32), self.identity_shapes)
        return self.vertices + offsets.reshape(-1, 3)

    def expression(self, coefficients: Float[np.ndarray, "time 57"]) -> Float[np.ndarray, "time vertices 3"]:
        """Coefficients to offsets; eyeballs do not move. Many frames at once cost little."""
        offsets = coefficients.astype(np.float32) @ self.expression_shapes
        return offsets.reshape(len(coefficients), -1, 3)

    def index(self, name: str) -> list[int]:
        """Positions of a shape in the coefficients; `mouthSmile` means `mouthSmile_L` and `mouthSmile_R`."""
        names = (name,) if name in self.expression_names else (f"{name}_L", f"{name}_R")
        return [self.expression_names.index(one) for one in names]

    @functools.cached_property
    def neighbours(self):
        """(N, N) sparse matrix that averages over the neighbours of each vertex."""
        first = self.corners.ravel()
        second = np.roll(self.corners, 1, axis=1).ravel()
        links = scipy.sparse.coo_matrix(
            (np.ones(len(first)), (first, second)), (len(self.vertices),) * 2
        ).tocsr()
        links = links + links.T
        links.data[:] = 1.0
        return (scipy.sparse.diags(1.0 / np.maximum(np.asarray(links.sum(1)).ravel(), 1)) @ links).astype(
            np.float32
        )

    @functools.cached_property
    def all_polygons(self):
        return PolygonNormals(self.corners, len(self.vertices))

    @functools.cached_property
    def face_polygons(self):
        """The polygons that touch the face: all that expressions visibly bend."""
        face = self.within(anatomy.FACE)
        return PolygonNormals(self.corners[face[self.corners].any(1)], len(self.vertices))


class PolygonNormals:
    """Vertex normals as area-weighted sums of polygon normals (the cross product of a quad's diagonals)."""

    def __init__(self, corners, vertex_count):
        self.corners = np.ascontiguousarray(corners.T)
        polygon = np.repeat(np.arange(len(corners)), 4)
        ones = np.ones(corners.size, np.float32)
        shape = (vertex_count, len(corners))
        self.gather = scipy.sparse.coo_matrix((ones, (corners.ravel(), polygon)), shape).tocsr()
        self.touched = np.unique(corners)
        self.gather = self.gather[self.touched]

    def update(self, normals, vertices):
        """Writes the unit normals of the touched vertices into `normals` (N, 3)."""
        a, b, c, d = (vertices[corner] for corner in self.corners)
        normals[self.touched] = unit(self.gather @ cross(c - a, d - b))


def cross(a, b):
    """Row-wise cross product, (Q, 3); several times faster than np.cross."""
    ax, ay, az = a.T
    bx, by, bz = b.T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], 1)


def unit(vectors):
    """Rows of (N, 3) scaled to length 1."""
    return vectors / np.sqrt(np.einsum("ij,ij->i", vectors, vectors) + 1e-12)[:, None]


@functools.lru_cache(maxsize=1)
def load(assets):
    """Reads `ict_facekit/ict_facekit.npz` under the assets folder into a HeadModel.

    Raises:
      UserError: the file is not there.
    """
    path = pathlib.Path(assets) / "ict_facekit" / "ict_facekit.npz"
    if not path.is_file():
        raise UserError(f"{path} not found: make it from {ORIGIN} and give its folder's parent with --assets")
    data = np.load(path)
    triangles, polygon = data["tri"], data["poly"]
    keep = _visible(data["v"], triangles)
    triangles, uv_index, polygon = triangles[keep], data["ttri"][keep], polygon[keep]
    kept = np.unique(np.concatenate([triangles.ravel(), anatomy.LANDMARKS]))
    renumber = np.full(len(data["v"]), -1, np.int32)
    renumber[kept] = np.arange(len(kept))
    triangles = renumber[triangles]
    source, uv, render_triangles = _split(triangles, uv_index, data["vt"])
    identity, expression = (
        np.ascontiguousarray(shapes[:, kept], np.float32).reshape(len(shapes), -1)
        for shapes in (data["ID"][:IDENTITY_SIZE], data["EX"])
    )
    return HeadModel(
        vertices=data["v"][kept].astype(np.float32),
        identity_shapes=identity,
        expression_shapes=expression,
        expression_names=tuple(str(name) for name in data["ex"]),
        kept=kept,
        source=source,
        uv=uv,
        parts=_parts(render_triangles, kept[triangles]),
        corners=_polygons(triangles, polygon),
        landmarks=renumber[anatomy.LANDMARKS],
    )


def _visible(vertices, triangles):
    """Mask of the triangles that a camera in front of the face may see."""
    group = np.full(len(vertices), -1)
    for number, part in enumerate(anatomy.DRAWN):
        group[part] = number
    keep = (group[triangles] >= 0).all(1)
    corner = vertices[triangles]
    normal = cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    facing = normal[:, 2] / (np.linalg.norm(normal, axis=1) + 1e-9)
    hidden_teeth = (group[triangles[:, 0]] == anatomy.DRAWN.index(anatomy.TEETH)) & (facing < -0.3)
    both = [anatomy.DRAWN.index(eye) for eye in (anatomy.LEFT_EYE, anatomy.RIGHT_EYE)]
    eyes = np.isin(group[triangles[:, 0]], both)
    hidden_eyes = eyes & (corner[:, :, 2].max(1) < anatomy.EYE_CENTRES[0, 2] - 0.4)
    return keep & ~hidden_teeth & ~hidden_eyes


def _split(triangles, uv_index, uv):
    """Render vertices: one for each pair of vertex and texture coordinate."""
    pairs = np.stack([triangles.ravel(), uv_index.ravel()], 1)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    coordinates = uv[unique[:, 1]].astype(np.float32) * np.array([0.5, 1.0], np.float32)
    return unique[:, 0], coordinates, inverse.reshape(-1, 3).astype(np.int32)


def _parts(render_triangles, full_vertices):
    """Triangles by what they are made of."""
    first = full_vertices[:, 0]
    groups = {
        "skin": (anatomy.FACE, anatomy.HEAD_AND_NECK, anatomy.EYE_SOCKETS),
        "mouth": (anatomy.MOUTH_SOCKET, anatomy.GUMS_AND_TONGUE, anatomy.TEETH),
        "eyes": (anatomy.LEFT_EYE, anatomy.RIGHT_EYE),
        "lashes": (anatomy.LASHES,),
    }
    parts = {}
    for name, ranges in groups.items():
        inside = np.any([(first >= part.start) & (first < part.stop) for part in ranges], axis=0)
        parts[name] = np.ascontiguousarray(render_triangles[inside])
    return parts


def _polygons(triangles, polygon):
    """(Q, 4): two triangles (a, b, c), (a, c, d) of one quad become (a, b, c, d), others (a, b, c, c)."""
    used = np.zeros(len(triangles), bool)
    pairs = np.nonzero((polygon[:-1] == polygon[1:]) & (triangles[:-1, 0] == triangles[1:, 0]))[0]
    pairs = pairs[triangles[pairs, 2] == triangles[pairs + 1, 1]]
    used[pairs] = used[pairs + 1] = True
    quads = np.concatenate([triangles[pairs], triangles[pairs + 1, 2:]], 1)
    single = triangles[~used]
    return np.concatenate([quads, np.concatenate([single, single[:, 2:]], 1)]).astype(np.int32)
