"""The judges with zeros for weights: for compiling a step where the files are not, and for nothing else.

VGG19, an ArcFace iResNet-50 and the package's own gaze network: the largest of each kind that serve a training.
"""

import jax
import jax.numpy as jnp
from jax import Array

from vasa_jax.judges import arcface, gaze, vgg
from vasa_jax.judges.convolution import Layer
from vasa_jax.training.face_terms import Judges


def judges(depth: int = 50) -> Judges:
    """All three networks of a step.

    Args:
      depth: layers of the iResNet: 18, 34, 50 or 100.
    """
    return Judges(perceptual=vgg19(), identity=iresnet(depth), gaze=gaze_network())


def vgg19() -> vgg.VGG19:
    channels, scales = 3, []
    for numbers, width in zip(vgg.SCALES, vgg.CHANNELS, strict=True):
        inputs = (channels, *[width] * (len(numbers) - 1))
        scales.append(tuple(_layer(3, each, width) for each in inputs))
        channels = width
    return vgg.VGG19(tuple(scales))


def iresnet(depth: int) -> arcface.ArcFace:
    channels, blocks = arcface.WIDTHS[0], []
    stem = {"conv": _layer(3, 3, channels), "slope": _zeros(channels)}
    for count, width in zip(arcface.DEPTHS[depth], arcface.WIDTHS, strict=True):
        for number in range(count):
            block = {
                "norm": (_zeros(channels), _zeros(channels)),
                "conv1": _layer(3, channels, width),
                "slope": _zeros(width),
                "conv2": _layer(3, width, width),
            }
            blocks.append(block if number else block | {"skip": _layer(1, channels, width)})
            channels = width
    side, size = arcface.LAST_SIDE, arcface.EMBEDDING_SIZE
    return arcface.ArcFace(stem, tuple(blocks), (_zeros(side, side, channels, size), _zeros(size)))


def gaze_network() -> gaze.Gaze:
    shapes = jax.eval_shape(gaze.init_gaze, jax.random.key(0))
    return gaze.Gaze(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes))


def _layer(kernel: int, inputs: int, outputs: int) -> Layer:
    """Kernel and bias."""
    return _zeros(kernel, kernel, inputs, outputs), _zeros(outputs)


def _zeros(*sizes: int) -> Array:
    return jnp.zeros(sizes)
