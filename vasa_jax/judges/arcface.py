"""Who a face is, by ArcFace: the improved ResNet of insightface's arcface_torch, for a user's own weights.

ArcFace (arXiv 1801.07698) on residual blocks that begin with a batch norm and end without an activation ("IR"). An
aligned 112 x 112 face becomes 512 numbers, to be compared by their cosine. It is stronger than `Identity`, but the
weights that its authors publish are for non-commercial research only: never a default here. It is called as `Identity`
is (see `vasa_jax.judges`).

Batch norms that follow a convolution are folded into it when the file is read. The one at the start of a block stays:
the convolution after it pads with zeros, which its offset would not be.
"""

import re
from pathlib import Path

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.errors import UserError
from vasa_jax.judges.alignment import align_five
from vasa_jax.judges.convolution import Layer, Weights, convolve, folded_layer, norm_as_affine
from vasa_jax.torch_file import read_weights

ORIGIN = (
    "a backbone .pth of insightface's arcface_torch, iResNet 18, 34, 50 or 100 (MIT code; its pretrained weights are "
    "for non-commercial research only)"
)
CHIP_SIZE, EMBEDDING_SIZE = 112, 512
BATCH_NORM_EPSILON = 1e-5
# Blocks of each of the four stages; the first block of a stage halves the resolution.
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
WIDTHS = (64, 128, 256, 512)
LAST_SIDE = CHIP_SIZE // 2 ** len(WIDTHS)


@flax.struct.dataclass
class ArcFace:
    """The frozen network; call it with aligned faces. A pytree: a jitted step takes it as an argument.

    Attributes:
      stem: kernel and bias of the first convolution, and the slope of the PReLU behind it.
      blocks: each with norm (gain, offset), conv1, slope, conv2, and in the first of a stage skip.
      head: matrix (7, 7, 512, 512) and bias (512,) from the last map to the numbers.
    """

    stem: dict[str, Layer | Array]
    blocks: tuple[dict[str, Layer | Array], ...]
    head: Layer

    @property
    def chip_size(self) -> int:
        """Pixels a side of the chips that it takes."""
        return CHIP_SIZE

    def chips(
        self, images: Float[Array, "batch height width 3"], landmarks: Float[Array, "batch 68 2"]
    ) -> Float[Array, "batch 112 112 3"]:
        """Cuts the faces out as the network expects them, from iBUG landmarks in [-1, 1], x right, y up."""
        return align_five(images, landmarks)

    def __call__(self, chips: Float[Array, "batch 112 112 3"]) -> Float[Array, "batch 512"]:
        """Maps RGB face chips in [-1, 1] to numbers whose cosine compares two faces; their length means nothing."""
        x = _prelu(convolve(chips, self.stem["conv"]), self.stem["slope"])
        for block in self.blocks:
            x = _block(x, block)
        matrix, bias = (part.astype(x.dtype) for part in self.head)
        return jnp.einsum("bhwc,hwcf->bf", x, matrix) + bias


def _block(x: Array, block: dict[str, Layer | Array]) -> Array:
    stride = 2 if "skip" in block else 1
    gain, offset = (part.astype(x.dtype) for part in block["norm"])
    y = _prelu(convolve(x * gain + offset, block["conv1"]), block["slope"])
    return convolve(y, block["conv2"], stride) + (convolve(x, block["skip"], stride) if "skip" in block else x)


def _prelu(x: Array, slope: Array) -> Array:
    return jnp.where(x >= 0, x, slope.astype(x.dtype) * x)


def load_arcface(path: str | Path) -> ArcFace:
    """Reads a backbone of any of the four depths, which the names in the file tell.

    Raises:
      UserError: the file is absent or holds something else.
    """
    weights = read_weights(path, ORIGIN)
    try:
        network = _read(weights, _depth(weights))
        jax.eval_shape(network, jax.ShapeDtypeStruct((1, CHIP_SIZE, CHIP_SIZE, 3), jnp.float32))
    except (KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not an ArcFace backbone ({reason:.200}); expected {ORIGIN}") from None
    return network


def _depth(weights: Weights) -> int:
    """18, 34, 50 or 100, by the blocks that the file names."""
    found = {match.groups() for name in weights if (match := re.match(r"layer([1-4])\.(\d+)\.", name))}
    counts = tuple(sum(stage == str(number) for stage, _ in found) for number in range(1, 5))
    for depth, blocks in DEPTHS.items():
        if blocks == counts:
            return depth
    raise ValueError(f"its stages have {', '.join(map(str, counts))} blocks")


def _read(weights: Weights, depth: int) -> ArcFace:
    names = [f"layer{stage}.{n}" for stage, count in enumerate(DEPTHS[depth], 1) for n in range(count)]
    stem = {"conv": folded_layer(weights, "conv1", "bn1", BATCH_NORM_EPSILON), "slope": _slope(weights, "prelu")}
    return ArcFace(stem, tuple(_read_block(weights, name) for name in names), _read_head(weights))


def _read_block(weights: Weights, name: str) -> dict[str, Layer | Array]:
    block = {
        "norm": tuple(map(jnp.asarray, norm_as_affine(weights, f"{name}.bn1", BATCH_NORM_EPSILON))),
        "conv1": folded_layer(weights, f"{name}.conv1", f"{name}.bn2", BATCH_NORM_EPSILON),
        "slope": _slope(weights, f"{name}.prelu"),
        "conv2": folded_layer(weights, f"{name}.conv2", f"{name}.bn3", BATCH_NORM_EPSILON),
    }
    if name.endswith(".0"):
        block["skip"] = folded_layer(weights, f"{name}.downsample.0", f"{name}.downsample.1", BATCH_NORM_EPSILON)
    return block


def _read_head(weights: Weights) -> Layer:
    """Batch norm, linear map of the flattened map (channels first) and batch norm, as one linear map."""
    before_gain, before_offset = norm_as_affine(weights, "bn2", BATCH_NORM_EPSILON)
    after_gain, after_offset = norm_as_affine(weights, "features", BATCH_NORM_EPSILON)
    linear = weights["fc.weight"].astype(np.float32).reshape(EMBEDDING_SIZE, WIDTHS[-1], LAST_SIDE, LAST_SIDE)
    bias = np.einsum("fchw,c->f", linear, before_offset) + weights["fc.bias"].astype(np.float32)
    matrix = np.einsum("fchw,c,f->hwcf", linear, before_gain, after_gain)
    return jnp.asarray(matrix), jnp.asarray(bias * after_gain + after_offset)


def _slope(weights: Weights, name: str) -> Array:
    return jnp.asarray(weights[f"{name}.weight"], jnp.float32)
