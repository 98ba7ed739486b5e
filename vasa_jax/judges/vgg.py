"""VGG19 as a perceptual judge: features of the frozen ImageNet network that most perceptual losses look through.

Simonyan and Zisserman, arXiv 1409.1556, configuration E, with torchvision's weights. The taps are the first activation
at each of its five scales, relu1_1 to relu5_1, from edges to parts of a face: those of pix2pixHD and the First Order
Motion Model, through which this loss came to face reenactment, so that weights from there mean the same here
(MegaPortraits names no layers). What lies behind relu5_1 is not computed, and the classifier is not read.
"""

from pathlib import Path

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from vasa_jax.errors import UserError
from vasa_jax.judges.convolution import Layer, convolve, plain_layer
from vasa_jax.torch_file import read_weights

ORIGIN = "vgg19-dcbb9e9d.pth, torchvision's VGG19_Weights.IMAGENET1K_V1 (BSD-3-Clause code, ImageNet weights)"
# Of the channels of RGB in [0, 1] over ImageNet, as torchvision's weights expect.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The convolutions of each scale up to its last tap, by their numbers in torchvision's `features`, and their widths; a
# 2 x 2 maximum lies between two scales.
SCALES = ((0, 2), (5, 7), (10, 12, 14, 16), (19, 21, 23, 25), (28,))
CHANNELS = (64, 128, 256, 512, 512)


@flax.struct.dataclass
class VGG19:
    """The frozen network; call it with images. A pytree: a jitted step takes it as an argument.

    Attributes:
      scales: the layers of each scale; the first one of each is a tap.
    """

    scales: tuple[tuple[Layer, ...], ...]

    def __call__(self, images: Float[Array, "batch height width 3"]) -> tuple[Array, ...]:
        """Maps images in [-1, 1] to relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1.

        Returns:
          (B, H, W, 64), (B, H/2, W/2, 128), (B, H/4, W/4, 256), (B, H/8, W/8, 512), (B, H/16, W/16, 512), in the dtype
          of `images`, none negative. Sizes round down; an image must have 16 pixels a side or more.
        """
        x = ((images + 1) / 2 - jnp.asarray(MEAN, images.dtype)) / jnp.asarray(STD, images.dtype)
        taps = []
        for number, layers in enumerate(self.scales):
            if number:
                x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
            for position, layer in enumerate(layers):
                x = jax.nn.relu(convolve(x, layer))
                if position == 0:
                    taps.append(x)
        return tuple(taps)


def load_vgg19(path: str | Path) -> VGG19:
    """Reads the network from torchvision's file, or one with the same names.

    Raises:
      UserError: the file is absent or holds something else.
    """
    weights = read_weights(path, ORIGIN, prefix="features.")
    try:
        layers = tuple(tuple(plain_layer(weights, f"features.{n}") for n in numbers) for numbers in SCALES)
        _check(layers)
    except (KeyError, ValueError) as error:
        raise UserError(f"{path} is not VGG19 ({' '.join(error.args)}); expected {ORIGIN}") from None
    return VGG19(layers)


def _check(scales: tuple[tuple[Layer, ...], ...]) -> None:
    """A ValueError where a layer has another shape than VGG19's: VGG16 shares its first names."""
    channels = 3
    for numbers, layers, width in zip(SCALES, scales, CHANNELS, strict=True):
        for number, (kernel, bias) in zip(numbers, layers, strict=True):
            if kernel.shape != (3, 3, channels, width) or bias.shape != (width,):
                raise ValueError(f"features.{number} has a shape of its own")
            channels = width
