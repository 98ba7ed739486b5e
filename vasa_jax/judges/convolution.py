"""What the frozen convolutional networks share: a layer is a kernel and a bias, batch norms are folded into it."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

Layer = tuple[Array, Array]
Weights = Mapping[str, np.ndarray]


def convolve(x: Array, layer: Layer, stride: int = 1) -> Array:
    """(B, H, W, C) by a kernel (k, k, C, F) and a bias (F,), k odd, in the dtype of `x`.

    Padded by k // 2 zeros on all four sides, as PyTorch does; "SAME" would pad the far sides only where it strides.
    """
    kernel, bias = layer
    margin = kernel.shape[0] // 2
    padding, dimensions = ((margin, margin),) * 2, ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_general_dilated(
        x, kernel.astype(x.dtype), (stride, stride), padding, dimension_numbers=dimensions
    )
    return y + bias.astype(x.dtype)


def plain_layer(weights: Weights, name: str) -> Layer:
    """PyTorch's convolution `name` with its bias."""
    return _kernel(weights, name), jnp.asarray(weights[f"{name}.bias"], jnp.float32)


def folded_layer(weights: Weights, name: str, norm: str, epsilon: float) -> Layer:
    """PyTorch's convolution `name`, which has no bias, followed by the batch norm `norm`, as one layer."""
    gain, offset = norm_as_affine(weights, norm, epsilon)
    return _kernel(weights, name) * gain, jnp.asarray(offset)


def norm_as_affine(weights: Weights, name: str, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """The gain and the offset (F,) of a channel that a batch norm with fixed statistics is."""
    keys = ("weight", "bias", "running_mean", "running_var")
    weight, bias, mean, variance = (weights[f"{name}.{key}"].astype(np.float32) for key in keys)
    gain = weight / np.sqrt(variance + epsilon)
    return gain, bias - mean * gain


def _kernel(weights: Weights, name: str) -> Array:
    """(F, C, k, k) as PyTorch has it, to (k, k, C, F)."""
    return jnp.asarray(weights[f"{name}.weight"].astype(np.float32).transpose(2, 3, 1, 0))
