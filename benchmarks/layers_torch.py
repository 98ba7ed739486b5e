"""The blocks of vasa_jax.layers in PyTorch, channels first, each built from its Flax parameters."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vasa_jax.layers import group_count

Params = Mapping[str, Any]


def parameter(value: Any) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.array(value, np.float32)))


def numbered(params: Params, kind: str) -> list[Params]:
    """The parts kind_0, kind_1, ... in order."""
    count = sum(name.startswith(f"{kind}_") for name in params)
    return [params[f"{kind}_{i}"] for i in range(count)]


class Conv(nn.Module):
    """Same-padded as XLA pads: where a stride leaves an odd pixel, it goes to the end."""

    def __init__(self, params: Params, stride: int = 1):
        super().__init__()
        kernel = np.asarray(params["kernel"])
        self.weight = parameter(np.moveaxis(kernel, (-1, -2), (0, 1)))
        self.bias = parameter(params["bias"])
        self.gain = parameter(params["gain"]) if "gain" in params else None
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if self.gain is not None:
            weight = standardise_weights(weight) * self.gain.view(-1, *(1,) * (weight.ndim - 1))
        if weight.ndim == 5:
            return F.conv3d(x, weight, self.bias, padding="same")
        if self.stride == 1:
            return F.conv2d(x, weight, self.bias, padding="same")
        return F.conv2d(pad_same(x, weight.shape[-1], self.stride), weight, self.bias, self.stride)


def standardise_weights(weight: Tensor) -> Tensor:
    axes = tuple(range(1, weight.ndim))
    centred = weight - weight.mean(axes, keepdim=True)
    variance = centred.var(axes, correction=0, keepdim=True) * weight[0].numel()
    return centred * torch.rsqrt(variance.clamp(min=1e-4))


def pad_same(x: Tensor, kernel: int, stride: int, value: float = 0.0) -> Tensor:
    padding = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        padding += [total // 2, total - total // 2]
    return F.pad(x, padding, value=value)


class Dense(nn.Linear):
    def __init__(self, params: Params):
        super().__init__(*params["kernel"].shape, bias="bias" in params)
        self.weight = parameter(np.asarray(params["kernel"]).T)
        self.bias = parameter(params["bias"]) if "bias" in params else None


def self_attention(joined: Tensor, heads: int) -> Tensor:
    """Of queries, keys and values (B, T, 3 C), one behind the other."""
    parts = joined.unflatten(-1, (3, heads, -1))
    h = F.scaled_dot_product_attention(*(part.transpose(1, 2) for part in parts.unbind(2)))
    return h.transpose(1, 2).flatten(2)


class LayerNorm(nn.LayerNorm):
    """Over channels, which are last."""

    def __init__(self, params: Params, eps: float = 1e-6):
        super().__init__(len(params["scale"]), eps=eps)
        self.weight, self.bias = parameter(params["scale"]), parameter(params["bias"])


class Norm(nn.Module):
    def __init__(self, params: Params, channels: int):
        super().__init__()
        self.adaptive = "Dense_0" in params
        self.norm = nn.GroupNorm(group_count(channels), channels, eps=1e-6, affine=not self.adaptive)
        if self.adaptive:
            self.linear = Dense(params["Dense_0"])
        else:
            self.norm.weight = parameter(params["GroupNorm_0"]["scale"])
            self.norm.bias = parameter(params["GroupNorm_0"]["bias"])

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        h = self.norm(x)
        if not self.adaptive:
            return h
        scale, offset = self.linear(code).view(len(x), 2, -1, *(1,) * (x.ndim - 2)).unbind(1)
        return h * (1 + scale) + offset


class ResBlock(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        self.convs = nn.ModuleList(Conv(p) for p in numbered(params, "Conv"))
        widths = [conv.weight.shape[1] for conv in self.convs[:2]]
        self.norms = nn.ModuleList(Norm(p, width) for p, width in zip(numbered(params, "Norm"), widths, strict=True))

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        h = self.convs[0](F.relu(self.norms[0](x, code)))
        h = self.convs[1](F.relu(self.norms[1](h, code)))
        return h + (self.convs[2](x) if len(self.convs) == 3 else x)


class Last(nn.Module):
    """Norm, ReLU, convolution: how most parts end."""

    def __init__(self, norm: Params, conv: Params):
        super().__init__()
        self.conv = Conv(conv)
        self.norm = Norm(norm, self.conv.weight.shape[1])

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        return self.conv(F.relu(self.norm(x, code)))


def halve(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2) if x.ndim == 4 else F.avg_pool3d(x, (1, 2, 2))


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=(1.0,) * (x.ndim - 4) + (2.0, 2.0))


def resize(x: Tensor, size: int) -> Tensor:
    shrinks = size < x.shape[-1]
    resized = F.interpolate(x.float(), (size, size), mode="bilinear", align_corners=False, antialias=shrinks)
    return resized.to(x.dtype)


def unfold_depth(x: Tensor, depth: int) -> Tensor:
    return x.view(len(x), depth, -1, *x.shape[2:]).transpose(1, 2).contiguous()


def fold_depth(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(1, 2)


def space_to_depth(x: Tensor, block: int) -> Tensor:
    b, c, h, w = x.shape
    x = x.view(b, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(b, -1, h // block, w // block)


def depth_to_space(x: Tensor, block: int) -> Tensor:
    b, _, h, w = x.shape
    x = x.view(b, block, block, -1, h, w).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(b, -1, h * block, w * block)


def sample(field: Tensor, points: Tensor) -> Tensor:
    """Of a volume at (B, D, H, W, 3) or an image at (B, H, W, 2); PyTorch's y points down."""
    flip = points.new_tensor([1.0, -1.0, 1.0][: points.shape[-1]])
    return F.grid_sample(field.to(points.dtype), points * flip, padding_mode="border", align_corners=False)
