"""How LivePortrait reads a portrait, in PyTorch: appearance and motion extractor; and the network that stitches."""

import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.layers_torch import Conv, Dense, LayerNorm, Params, halve, numbered, parameter, unfold_depth
from vasa_jax.open_weights.liveportrait.reader import EPSILON


class AppearanceExtractor(nn.Module):
    def __init__(self, params: Params, depth: int):
        super().__init__()
        self.depth, self.stem, self.lift = depth, Conv(params["stem"]), Conv(params["lift"])
        self.downs = nn.ModuleList(Conv(p) for p in numbered(params, "down"))
        self.blocks = nn.ModuleList(PreActivated(p) for p in numbered(params, "block"))

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.stem(image))
        for down in self.downs:
            x = halve(F.relu(down(x)))
        volume = unfold_depth(self.lift(x), self.depth)
        for block in self.blocks:
            volume = block(volume)
        return volume


class PreActivated(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        self.first, self.second = Conv(params["first"]), Conv(params["second"])
        self.scale, self.offset = (parameter(params["norm"][name]) for name in ("scale", "offset"))

    def forward(self, x: Tensor) -> Tensor:
        over = (slice(None), None, None, None)
        return x + self.second(F.relu(self.first(F.relu(x * self.scale[over] + self.offset[over]))))


class Patches(Conv):
    """A convolution whose stride is its size."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.weight.shape[-1])


class ConvNeXtBlock(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        self.depthwise, self.norm = Conv(params["depthwise"]), LayerNorm(params["norm"], EPSILON)
        self.widen, self.narrow = Dense(params["widen"]), Dense(params["narrow"])
        self.scale, self.offset = (parameter(params["response"][name]) for name in ("scale", "offset"))

    def forward(self, x: Tensor) -> Tensor:
        h = F.conv2d(x, self.depthwise.weight, self.depthwise.bias, padding="same", groups=x.shape[1])
        h = F.gelu(self.widen(self.norm(h.movedim(1, -1))))
        length = h.norm(dim=(1, 2), keepdim=True)
        h = h * (1 + self.scale * length / (length.mean(-1, keepdim=True) + EPSILON)) + self.offset
        return x + self.narrow(h).movedim(-1, 1)


class MotionExtractor(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        self.stem, self.stem_norm = Patches(params["stem"]), LayerNorm(params["stem_norm"], EPSILON)
        self.last_norm, self.heads = LayerNorm(params["last_norm"], EPSILON), Dense(params["heads"])
        names = sorted((name for name in params if name.startswith("stage_")), key=_numbers)
        self.stages = [_numbers(name)[0] for name in names]
        self.blocks = nn.ModuleList(ConvNeXtBlock(params[name]) for name in names)
        shrinks = range(1, 1 + max(self.stages))
        self.shrinks = nn.ModuleList(Patches(params[f"shrink_{i}"]) for i in shrinks)
        self.norms = nn.ModuleList(LayerNorm(params[f"shrink_norm_{i}"], EPSILON) for i in shrinks)

    def forward(self, image: Tensor) -> Tensor:
        x, stage = over_channels(self.stem_norm, self.stem(image)), 0
        for number, block in zip(self.stages, self.blocks, strict=True):
            if number > stage:
                x = self.shrinks[stage](over_channels(self.norms[stage], x))
                stage = number
            x = block(x)
        return self.heads(self.last_norm(x.mean((2, 3))))


def _numbers(name: str) -> list[int]:
    return [int(part) for part in name.split("_")[1:]]


def over_channels(norm: nn.Module, x: Tensor) -> Tensor:
    return norm(x.movedim(1, -1)).movedim(-1, 1)


class MLP(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        self.layers = nn.ModuleList(Dense(p) for p in (*numbered(params, "layer"), params["last"]))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)
