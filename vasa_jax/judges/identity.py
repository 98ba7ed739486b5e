"""Who a face is: dlib's face recognition ResNet (Davis King, CC0) as pure functions on its packed 8-bit
weights.

A residual network of 29 convolutions maps an aligned 150 x 150 face to 128 numbers; two pictures of one
person lie closer than 0.6 to each other. It is differentiable and a pytree, so that it serves metrics and an
identity loss alike.
"""

import json
from pathlib import Path

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.errors import UserError
from vasa_jax.judges.alignment import IBUG_POINTS, align

ORIGIN = "face_recognition_model of npm @vladmandic/face-api 1.7.15 (MIT; the network is dlib's, CC0)"
NAME = "face_recognition_model"
MANIFEST = f"{NAME}-weights_manifest.json"
CHIP_SIZE = 150
RGB_MEAN = (122.782, 117.001, 104.298)
# Stages of residual blocks; a name with "down" halves the resolution.
BLOCKS = (
    "conv32_1 conv32_2 conv32_3 conv64_down conv64_1 conv64_2 conv64_3 conv128_down conv128_1 conv128_2 "
    "conv256_down conv256_1 conv256_2 conv256_down_out"
).split()


@flax.struct.dataclass
class Identity:
    """The frozen network; call it with aligned faces (see `judges.alignment`).

    Attributes:
      weights: arrays by their names in the manifest.
    """

    weights: dict[str, Array]

    @property
    def chip_size(self) -> int:
        """Pixels a side of the chips that it takes."""
        return CHIP_SIZE

    def chips(
        self, images: Float[Array, "batch height width 3"], landmarks: Float[Array, "batch 68 2"]
    ) -> Float[Array, "batch 150 150 3"]:
        """Cuts the faces out as the network expects them, from iBUG landmarks in [-1, 1], x right, y up."""
        return align(images, landmarks[:, np.array(IBUG_POINTS)], CHIP_SIZE)

    def __call__(self, chips: Float[Array, "batch 150 150 3"]) -> Float[Array, "batch 128"]:
        """Maps RGB face chips in [-1, 1] to descriptors; compare them by cosine or by L2 distance (same
        person < 0.6).
        """
        x = ((chips + 1) * 127.5 - jnp.asarray(RGB_MEAN, chips.dtype)) / 256
        x = jax.nn.relu(self._affine(x, "conv32_down", 2))
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "VALID")
        for name in BLOCKS:
            x = self._block(x, name)
        return x.mean((1, 2)) @ self.weights["fc"].astype(x.dtype)

    def _block(self, x: Array, name: str) -> Array:
        down = "down" in name
        y = jax.nn.relu(self._affine(x, f"{name}/conv1", 2 if down else 1))
        y = self._affine(y, f"{name}/conv2", 1)
        if down:
            x = jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4
            # Pooling keeps a last row that the strided convolution loses, and has fewer channels: both sides
            # are filled with zeros, as dlib does.
            shape = [max(pair) for pair in zip(x.shape, y.shape, strict=True)]
            x, y = _fill(x, shape), _fill(y, shape)
        return jax.nn.relu(x + y)

    def _affine(self, x: Array, name: str, stride: int) -> Array:
        """A convolution, then a gain and an offset a channel; strided ones are not padded."""
        read = {
            key: self.weights[f"{name}/{key}"].astype(x.dtype)
            for key in ("conv/filters", "conv/bias", "scale/weights", "scale/biases")
        }
        padding = "VALID" if stride > 1 else "SAME"
        dimensions = ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(
            x, read["conv/filters"], (stride, stride), padding, dimension_numbers=dimensions
        )
        return (x + read["conv/bias"]) * read["scale/weights"] + read["scale/biases"]


def load_identity(folder: str | Path) -> Identity:
    """Reads the network from a folder with its manifest and its packed weights.

    Raises:
      UserError: a file is absent or does not hold this network.
    """
    try:
        manifest = json.loads((Path(folder) / MANIFEST).read_text())
        packed = (Path(folder) / f"{NAME}.bin").read_bytes()
        weights = _unpack(manifest, packed)
        jax.eval_shape(Identity(weights), jax.ShapeDtypeStruct((1, CHIP_SIZE, CHIP_SIZE, 3), jnp.float32))
    except FileNotFoundError:
        raise UserError(f"no identity network in {folder}; expected {ORIGIN}") from None
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{folder} does not hold the identity network ({error}); expected {ORIGIN}") from None
    return Identity(weights)


def _unpack(manifest: list, packed: bytes) -> dict[str, Array]:
    """Arrays in file order: float32 as they are, others as code * scale + min."""
    weights, offset = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        coding = entry.get("quantization", {"dtype": entry["dtype"], "scale": 1.0, "min": 0.0})
        dtype, count = np.dtype(coding["dtype"]), int(np.prod(entry["shape"]))
        codes = np.frombuffer(packed, dtype, count, offset).astype(np.float32)
        weights[entry["name"]] = jnp.asarray(
            (codes * coding["scale"] + coding["min"]).reshape(entry["shape"])
        )
        offset += count * dtype.itemsize
    if offset != len(packed):
        raise ValueError(f"{len(packed)} bytes where the manifest names {offset}")
    return weights


def _fill(x: Array, shape: list[int]) -> Array:
    return jnp.pad(x, [(0, size - old) for size, old in zip(shape, x.shape, strict=True)])
