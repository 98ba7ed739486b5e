"""Cutting a face out of an image so that its eyes and nose stand where an identity network expects them.

Pure and differentiable in the image: a least-squares similarity transform from five points, then bilinear sampling.
The two networks were trained on different chips: `align` cuts dlib's, `align_five` those of ArcFace.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

# The five points, among iBUG's 68 and among MediaPipe's 468: outer and inner corner of the eye on the image's
# left, inner and outer corner of the other, foot of the nose.
IBUG_POINTS = (36, 39, 42, 45, 33)
MESH_POINTS = (33, 133, 362, 263, 2)
# Where dlib's chips of its five-point model have them, in a unit square from its top left.
STANDARD = ((0.121, 0.214), (0.334, 0.229), (0.646, 0.229), (0.860, 0.213), (0.490, 0.628))
PADDING = 0.25
# Where ArcFace's chips of 112 x 112 pixels have the middles of the eyes, the tip of the nose and the corners of the
# mouth, from the image's left, in pixels with (0, 0) at the middle of the first one (insightface's standard template).
ARCFACE_SIZE = 112
ARCFACE_STANDARD = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
# Samples an output pixel along each axis, averaged: an image larger than the chip does not alias.
OVERSAMPLING = 2


def align(
    images: Float[Array, "batch height width 3"], points: Float[Array, "batch 5 2"], size: int = 150
) -> Float[Array, "batch size size 3"]:
    """Cuts face chips for the identity network.

    Args:
      images: any range.
      points: the five points in [-1, 1], x right, y up.
      size: of the chip in pixels.

    Returns:
      The chips in the images' range; beyond its border an image repeats.
    """
    standard = jnp.asarray((np.array(STANDARD) + PADDING) / (1 + 2 * PADDING), images.dtype)
    flipped = points * jnp.array([1, -1], points.dtype)
    matrix, offset = similarity(jnp.broadcast_to(standard, flipped.shape), flipped)
    return _cut(images, matrix, offset, size)


def align_five(
    images: Float[Array, "batch height width 3"], landmarks: Float[Array, "batch 68 2"]
) -> Float[Array, "batch 112 112 3"]:
    """Cuts face chips for ArcFace.

    The transform is fitted from the image to the template, as insightface does, and then turned round: for a face that
    is no turned and scaled template the other way would give a larger one.

    Args:
      images: any range.
      landmarks: in iBUG's order in [-1, 1], x right, y up.

    Returns:
      The chips in the images' range; beyond its border an image repeats.
    """
    standard = jnp.asarray((np.array(ARCFACE_STANDARD) + 0.5) / ARCFACE_SIZE, images.dtype)
    flipped = five_points(landmarks) * jnp.array([1, -1], landmarks.dtype)
    matrix, offset = similarity(flipped, jnp.broadcast_to(standard, flipped.shape))
    inverse = jnp.swapaxes(matrix, 1, 2) / jnp.linalg.det(matrix)[:, None, None]
    return _cut(images, inverse, -jnp.einsum("bij,bj->bi", inverse, offset), ARCFACE_SIZE)


def five_points(landmarks: Float[Array, "batch 68 2"]) -> Float[Array, "batch 5 2"]:
    """Middles of the eyes, tip of the nose and corners of the mouth, from the image's left, of iBUG landmarks."""
    eyes = [landmarks[:, begin : begin + 6].mean(1) for begin in (36, 42)]
    return jnp.stack([*eyes, *(landmarks[:, number] for number in (30, 48, 54))], 1)


def similarity(
    source: Float[Array, "batch points 2"], target: Float[Array, "batch points 2"]
) -> tuple[Float[Array, "batch 2 2"], Float[Array, "batch 2"]]:
    """The rotation, scale and shift that bring `source` closest to `target` in least squares.

    In the plane this is a regression on complex numbers: target = (a + bi) source + offset.
    """
    centre, goal = source.mean(1), target.mean(1)
    x, y = source - centre[:, None], target - goal[:, None]
    power = (x**2).sum((1, 2))
    a = (x * y).sum((1, 2)) / power
    b = (x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0]).sum(1) / power
    matrix = jnp.stack([jnp.stack([a, -b], -1), jnp.stack([b, a], -1)], -2)
    return matrix, goal - jnp.einsum("bij,bj->bi", matrix, centre)


def _cut(images: Array, matrix: Array, offset: Array, size: int) -> Array:
    """Chips whose point x in a unit square, y down, shows the image at matrix x + offset in [-1, 1], y down."""
    fine = size * OVERSAMPLING
    rows, columns = np.meshgrid(np.arange(fine) + 0.5, np.arange(fine) + 0.5, indexing="ij")
    grid = jnp.asarray(np.stack([columns, rows], -1).reshape(-1, 2) / fine, images.dtype)
    where = jnp.einsum("bij,nj->bni", matrix, grid) + offset[:, None]
    chips = jax.vmap(_sample)(images, where).reshape(-1, size, OVERSAMPLING, size, OVERSAMPLING, 3)
    return chips.mean((2, 4))


def _sample(image: Array, where: Array) -> Array:
    """Bilinear values of (H, W, 3) at (N, 2) points in [-1, 1], y down."""
    height, width = image.shape[:2]
    column = (where[:, 0] + 1) * width / 2 - 0.5
    row = (where[:, 1] + 1) * height / 2 - 0.5
    sample = jax.vmap(
        lambda plane: jax.scipy.ndimage.map_coordinates(plane, [row, column], order=1, mode="nearest"), 2, 1
    )
    return sample(image)
