"""The encoders of vasa_jax.face.encoders in PyTorch."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.layers_torch import Conv, Dense, Norm, Params, halve, numbered, pad_same, resize, space_to_depth


class ResNet(nn.Module):
    def __init__(self, params: Params, config: Params):
        super().__init__()
        self.size, self.map_size = config.get("input_size", 256), config.get("map_size", 0)
        self.stem = Conv(params["Conv_0"], 2)
        self.norm = Norm(params["Norm_0"], self.stem.weight.shape[0])
        first = np.cumsum(config["stages"])[:-1]
        bottleneck = config.get("bottleneck", False)
        blocks = numbered(params, "ResNetBlock")
        self.blocks = nn.ModuleList(ResNetBlock(p, 2 if i in first else 1, bottleneck) for i, p in enumerate(blocks))
        self.last = Conv(params["Conv_1"]) if self.map_size else Dense(params["Dense_0"])

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(resize(image, self.size))))
        x = F.max_pool2d(pad_same(x, 3, 2, float("-inf")), 3, 2)
        for block in self.blocks:
            x = block(x)
        return self.last(pool_to(x, self.map_size) if self.map_size else x.mean((2, 3)))


class ResNetBlock(nn.Module):
    def __init__(self, params: Params, stride: int, bottleneck: bool):
        super().__init__()
        parts = numbered(params, "Conv")
        self.depth = 3 if bottleneck else 2
        strided = {1 if bottleneck else 0, self.depth}  # the last is the skip
        self.convs = nn.ModuleList(Conv(p, stride if i in strided else 1) for i, p in enumerate(parts))
        self.norms = nn.ModuleList(
            Norm(p, conv.weight.shape[0]) for p, conv in zip(numbered(params, "Norm"), self.convs, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for i in range(self.depth):
            h = self.norms[i](self.convs[i](h))
            h = F.relu(h) if i < self.depth - 1 else h
        skip = x if len(self.convs) == self.depth else self.norms[-1](self.convs[-1](x))
        return F.relu(skip + h)


class CompactEncoder(nn.Module):
    def __init__(self, params: Params, config: Params):
        super().__init__()
        self.size, self.map_size = config.get("input_size", 64), config.get("map_size", 0)
        strips = config.get("strips", ((0.0, 1.0),))
        self.rows = [(round(a * self.size) // 4 * 4, round(b * self.size) // 4 * 4) for a, b in strips]
        self.depth = len(config["widths"])
        parts = numbered(params, "Conv")
        count = self.depth * len(strips)
        self.convs = nn.ModuleList(Conv(p, 2 if i % self.depth else 1) for i, p in enumerate(parts[:count]))
        self.last = Conv(parts[count]) if self.map_size else Dense(params["Dense_0"])
        self.hidden = None if self.map_size else Dense(params["Dense_1"])

    def forward(self, image: Tensor) -> Tensor:
        image = image if image.shape[-1] == self.size else resize(image, self.size)
        parts = [self._convolutions(standardise(image[:, :, a:b]), i) for i, (a, b) in enumerate(self.rows)]
        if self.map_size:
            return self.last(pool_to(parts[0], self.map_size))
        flat = torch.cat([part.permute(0, 2, 3, 1).flatten(1) for part in parts], -1)
        return self.last(gelu(self.hidden(flat)))

    def _convolutions(self, x: Tensor, strip: int) -> Tensor:
        x = space_to_depth(x, 2)
        for conv in self.convs[strip * self.depth : (strip + 1) * self.depth]:
            x = gelu(conv(x))
        return x


def gelu(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def standardise(x: Tensor) -> Tensor:
    centred = x - x.mean((2, 3), keepdim=True)
    return centred / (centred.std((1, 2, 3), correction=0, keepdim=True) + 0.05)


def pool_to(x: Tensor, size: int) -> Tensor:
    while x.shape[-1] > size:
        x = halve(x)
    return x
