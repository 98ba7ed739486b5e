"""From PyTorch's arrays to ours: axes in our order, norms folded into the convolutions before them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Weights = Mapping[str, np.ndarray]
Params = dict[str, Any]
BATCH_NORM_EPSILON = 1e-5


def linear(weights: Weights, name: str) -> Params:
    """A linear map."""
    return {"kernel": weights[f"{name}.weight"].T, "bias": weights[f"{name}.bias"]}


def layer_norm(weights: Weights, name: str) -> Params:
    """A layer norm."""
    return {"scale": weights[f"{name}.weight"], "bias": weights[f"{name}.bias"]}


def conv(weights: Weights, name: str, norm: str | None = None) -> Params:
    """A convolution; with the name of a batch norm behind it, both in one."""
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    if norm is not None:
        scale, offset = batch_norm(weights, norm)
        kernel, bias = kernel * scale.reshape(-1, *(1,) * (kernel.ndim - 1)), bias * scale + offset
    return {"kernel": _channels_last(kernel), "bias": bias}


def batch_norm(weights: Weights, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset of a batch norm at inference."""
    scale = weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + np.float32(BATCH_NORM_EPSILON))
    return scale, weights[f"{name}.bias"] - weights[f"{name}.running_mean"] * scale


def spectral_conv(weights: Weights, name: str) -> Params:
    """A spectrally normalised convolution: over sigma = u^T W v, from the stored vectors (arXiv 1802.05957)."""
    kernel = weights[f"{name}.weight_orig"]
    sigma = weights[f"{name}.weight_u"] @ kernel.reshape(len(kernel), -1) @ weights[f"{name}.weight_v"]
    params = {"kernel": _channels_last(kernel / sigma)}
    return params | ({"bias": weights[f"{name}.bias"]} if f"{name}.bias" in weights else {})


def outputs_regrouped(params: Params, groups: int) -> Params:
    """Outputs in the order (group, member) where the published layout has (member, group): the other axis first."""
    return {name: _regroup(value, groups) for name, value in params.items()}


def inputs_regrouped(params: Params, groups: int) -> Params:
    """Inputs in the order (group, member) where the published layout has (member, group)."""
    kernel = _regroup(params["kernel"].swapaxes(-1, -2), groups).swapaxes(-1, -2)
    return {**params, "kernel": kernel}


def _regroup(value: np.ndarray, groups: int) -> np.ndarray:
    return value.reshape(*value.shape[:-1], -1, groups).swapaxes(-1, -2).reshape(value.shape)


def _channels_last(kernel: np.ndarray) -> np.ndarray:
    """(out, in, ...) to (..., in, out)."""
    return np.moveaxis(kernel, (0, 1), (-1, -2))
