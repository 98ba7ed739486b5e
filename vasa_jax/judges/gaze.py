"""Where a face looks: a small network of our own over two crops of the eyes, for losses and metrics.

It reads the gaze in the camera's frame, head and eyes together, as the clips are labelled, as VASA-1's condition
g = (theta, phi) is given and as its gaze error is measured. An eyeball's picture shows just that direction; where its
centre lies behind the lids depends on how the head is turned, so the network is also given a few rigid landmarks. In
the training data (configs/gaze_tiny.py) gaze and head direction are nearly independent, so that one cannot stand in for
the other.

The crops are turned upright along the line of the eyes, and the eye on the image's right is shown mirrored: one trunk
knows one eye. The output is mirrored by its form: of a mirrored picture the yaw is exactly the opposite.
"""

from pathlib import Path
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from vasa_jax import geometry, pretrained, sampling
from vasa_jax.errors import UserError
from vasa_jax.judges.convolution import convolve
from vasa_jax.layers import halve
from vasa_jax.torch_file import read_weights

ORIGIN = "weights.safetensors that a training with configs/gaze_tiny.py exports"
# Of the 68 iBUG landmarks: the eye on the image's left and the other, and their corners, from the left to the right.
EYES = ((36, 42), (42, 48))
CORNERS = (36, 39, 42, 45)
# Points that expression hardly moves, and their order in a mirrored face: corners of the eyes, the nose.
RIGID = (*CORNERS, 27, 28, 29, 30, 31, 33, 35)
MIRRORED = (3, 2, 1, 0, 4, 5, 6, 7, 10, 9, 8)
ROWS, COLUMNS = 32, 48
CROP_WIDTH = 1.7  # over the distance of the eye's corners
SIDE = 256  # a larger image is halved until it is smaller than twice this: a crop of a face that fills it has no alias
STRIDES = {"conv1": 2, "conv2": 1, "conv3": 2, "conv4": 1, "conv5": 2}
WIDTHS = (16, 24, 32, 48, 48)
HIDDEN = 32


@flax.struct.dataclass
class GazeReading:
    """What the judge sees in B faces.

    Attributes:
      angles: (B, 2) yaw and pitch in radians in the camera's frame; yaw to the image's right, pitch up.
      features: (B, 2, 16, 24, 24) and (B, 2, 4, 6, 48), activations (not negative) at 1/2 and 1/8 of the crops of the
        eye on the image's left and of the other, which is mirrored; for a feature loss.
    """

    angles: Array
    features: tuple[Array, Array]


@flax.struct.dataclass
class Gaze:
    """The network; call it with images and landmarks. A pytree: a jitted step takes it as an argument.

    Attributes:
      weights: by layer, each with a kernel and a bias.
    """

    weights: dict[str, dict[str, Any]]

    def __call__(
        self, images: Float[Array, "batch height width 3"], landmarks: Float[Array, "batch 68 2"]
    ) -> GazeReading:
        """Reads images in [-1, 1] of one face each, whose landmarks are in [-1, 1], x right and y up.

        To compare a generated image with the true one give both the same landmarks. Differentiable in both arguments.
        """
        crops, roll = eye_crops(images, landmarks)
        angles, features = self.read_crops(crops, rigid_points(landmarks))
        return GazeReading(angles_of(turn(direction(angles), roll)), features)

    def read_crops(
        self, crops: Float[Array, "batch 2 32 48 3"], points: Float[Array, "batch 11 2"]
    ) -> tuple[Float[Array, "batch 2"], tuple[Array, Array]]:
        """Angles in the frame of the eyes, and features, from what `eye_crops` and `rigid_points` give."""
        features = self._see(crops.reshape(-1, ROWS, COLUMNS, 3))
        features = tuple(x.reshape(-1, 2, *x.shape[1:]) for x in features)
        seen = self._dense("eye", features[-1].reshape(*features[-1].shape[:2], -1))
        direct = self._decide(seen, points)
        mirrored = self._decide(seen[:, ::-1], points[:, np.array(MIRRORED)] * np.array([-1, 1], np.float32))
        return (direct + mirrored * np.array([-1, 1], np.float32)) / 2, features

    def _see(self, x: Array) -> tuple[Array, Array]:
        maps = {}
        for name, stride in STRIDES.items():
            layer = self.weights[name]
            x = maps[name] = jax.nn.relu(convolve(x, (layer["kernel"], layer["bias"]), stride))
        return maps["conv2"], maps["conv5"]

    def _decide(self, seen: Array, points: Array) -> Array:
        """(B, 2) yaw and pitch in the frame of the eyes, from (B, 2, HIDDEN) and (B, 11, 2)."""
        flat = jnp.concatenate([seen.reshape(len(seen), -1), points.reshape(len(points), -1)], -1)
        hidden = self._dense("join", flat)
        last = self.weights["angles"]
        return hidden @ last["kernel"] + last["bias"]

    def _dense(self, name: str, x: Array) -> Array:
        return jax.nn.relu(x @ self.weights[name]["kernel"] + self.weights[name]["bias"])


def eye_crops(
    images: Float[Array, "batch height width 3"], landmarks: Float[Array, "batch 68 2"]
) -> tuple[Float[Array, "batch 2 32 48 3"], Float[Array, " batch"]]:
    """The eyes, upright, the second one mirrored, each with mean 0 a channel and variance 1; and the roll in radians.

    Light and the colour of the skin hardly reach the network that way.
    """
    while min(images.shape[1:3]) >= 2 * SIDE and not (images.shape[1] % 2 or images.shape[2] % 2):
        images = halve(images)
    centres, roll = eye_line(landmarks)
    corners = landmarks[:, np.array(CORNERS)].reshape(-1, 2, 2, 2)
    width = CROP_WIDTH * jnp.linalg.norm(corners[:, :, 1] - corners[:, :, 0], axis=-1)
    # Columns from the outer corner to the inner one: the second eye's run from right to left.
    across = geometry.cell_centres(COLUMNS) * np.array([[1], [-1]])
    down = -geometry.cell_centres(ROWS) * ROWS / COLUMNS
    grid = np.stack(np.broadcast_arrays(across[:, None], down[None, :, None]), -1).astype(np.float32)
    offsets = grid * width[:, :, None, None, None] / 2
    crops = sampling.sample_image(images, centres[:, :, None, None] + turn(offsets, roll))
    centred = crops - crops.mean((2, 3), keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean((2, 3, 4), keepdims=True) + 1e-4), roll


def eye_line(
    landmarks: Float[Array, "batch 68 2"],
) -> tuple[Float[Array, "batch 2 2"], Float[Array, " batch"]]:
    """The middles of the two eyes, between corners, which a blink does not move; the roll of their line in radians."""
    centres = landmarks[:, np.array(CORNERS)].reshape(-1, 2, 2, 2).mean(2)
    right, up = (centres[:, 1] - centres[:, 0]).T
    return centres, jnp.arctan2(up, right)


def rigid_points(landmarks: Float[Array, "batch 68 2"]) -> Float[Array, "batch 11 2"]:
    """The points of RIGID from between the eyes, upright, in units of the distance of the eyes."""
    centres, roll = eye_line(landmarks)
    points = landmarks[:, np.array(RIGID)] - centres.mean(1, keepdims=True)
    distance = jnp.linalg.norm(centres[:, 1] - centres[:, 0], axis=-1)
    return turn(points, -roll) / distance[:, None, None]


def eye_openness(landmarks: Float[Array, "batch 68 2"]) -> Float[Array, " batch"]:
    """The gap of the lids over the distance of the corners, a mean of both eyes: about 0.3 open, below 0.15 shut."""
    eyes = jnp.stack([landmarks[:, begin:end] for begin, end in EYES], 1)
    gaps = jnp.linalg.norm(eyes[:, :, 1:3] - eyes[:, :, :3:-1], axis=-1).mean(-1)
    return (gaps / jnp.linalg.norm(eyes[:, :, 3] - eyes[:, :, 0], axis=-1)).mean(-1)


def direction(angles: Float[Array, "*batch 2"]) -> Float[Array, "*batch 3"]:
    """Yaw and pitch (up positive) in radians to unit vectors, z towards the camera."""
    yaw, pitch = angles[..., 0], angles[..., 1]
    return jnp.stack([jnp.sin(yaw) * jnp.cos(pitch), jnp.sin(pitch), jnp.cos(yaw) * jnp.cos(pitch)], -1)


def angles_of(vectors: Float[Array, "*batch 3"]) -> Float[Array, "*batch 2"]:
    """The inverse of `direction`."""
    x, y, z = (vectors[..., i] for i in range(3))
    return jnp.stack([jnp.arctan2(x, z), jnp.arctan2(y, jnp.hypot(x, z))], -1)


def degrees_between(first: Float[Array, "batch 2"], second: Float[Array, "batch 2"]) -> Float[Array, " batch"]:
    """Angles in degrees between two directions given as yaw and pitch in radians.

    By the arc tangent, which unlike the arc cosine keeps its digits near zero.
    """
    a, b = direction(first), direction(second)
    return jnp.rad2deg(jnp.arctan2(jnp.linalg.norm(jnp.cross(a, b), axis=-1), (a * b).sum(-1)))


def turn(vectors: Float[Array, "batch *grid axes"], roll: Float[Array, " batch"]) -> Float[Array, "batch *grid axes"]:
    """x and y of vectors of two or three axes, turned counter-clockwise by `roll`."""
    cosine, sine = (f(roll).reshape(-1, *(1,) * (vectors.ndim - 2)) for f in (jnp.cos, jnp.sin))
    x, y = vectors[..., 0], vectors[..., 1]
    turned = jnp.stack([cosine * x - sine * y, sine * x + cosine * y], -1)
    return jnp.concatenate([turned, vectors[..., 2:]], -1)


def init_gaze(key: PRNGKeyArray) -> dict[str, dict[str, Array]]:
    """Random weights to begin a training with (He initialisation); as a judge they are of no use."""
    shapes, channels = {}, 3
    for name, width in zip(STRIDES, WIDTHS, strict=True):
        shapes[name], channels = (3, 3, channels, width), width
    shapes["eye"] = (ROWS // 8 * COLUMNS // 8 * channels, HIDDEN)
    shapes["join"] = (2 * HIDDEN + 2 * len(RIGID), HIDDEN)
    shapes["angles"] = (HIDDEN, 2)
    weights = {}
    for name, one in zip(shapes, jax.random.split(key, len(shapes)), strict=True):
        shape = shapes[name]
        scale = np.sqrt((0.1 if name == "angles" else 2.0) / np.prod(shape[:-1]))
        weights[name] = {"kernel": scale * jax.random.normal(one, shape), "bias": jnp.zeros(shape[-1])}
    return weights


def load_gaze(path: str | Path | None = None) -> Gaze:
    """Reads the network from a safetensors file; without a path the one that ships with the package.

    The shipped one was trained on computer-made heads alone, as configs/gaze_tiny.py says.

    Raises:
      UserError: the file is absent or holds something else.
    """
    path = pretrained.gaze() if path is None else path
    found = read_weights(path, ORIGIN)
    wanted = flatten_dict(jax.eval_shape(init_gaze, jax.random.key(0)), sep="/")
    shapes = {name: leaf.shape for name, leaf in wanted.items()}
    if {name: array.shape for name, array in found.items()} != shapes:
        raise UserError(f"{path} is not the gaze network (other names or shapes); expected {ORIGIN}")
    arrays = {name: jnp.asarray(array, jnp.float32) for name, array in found.items()}
    return Gaze(unflatten_dict(arrays, sep="/"))
