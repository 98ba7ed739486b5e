"""The judges' networks once more, in PyTorch and in its own terms: what they must agree with on the same weights.

Names follow the layouts that the files of weights have. Images are channels first and in [-1, 1], as the judges' are.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

VGG19_WIDTHS = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M")
VGG19_TAPS = (1, 6, 11, 20, 29)  # relu1_1 to relu5_1 in the sequence


class VGG19(nn.Module):
    """torchvision's layout: features.N; a classifier is there to be skipped."""

    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for width in VGG19_WIDTHS:
            if width == "M":
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(8, 8))

    def forward(self, images):
        mean, std = (torch.tensor(x).reshape(3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        x, taps = ((images + 1) / 2 - mean) / std, []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in VGG19_TAPS:
                taps.append(x)
        return taps


class IRBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2, self.prelu = nn.BatchNorm2d(outputs), nn.PReLU(outputs)
        self.conv2, self.bn3 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    """arcface_torch's layout."""

    def __init__(self, blocks):
        super().__init__()
        self.conv1, self.bn1, self.prelu = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        channels = 64
        for stage, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True), 1):
            first = IRBlock(channels, width, 2)
            rest = [IRBlock(width, width, 1) for _ in range(count - 1)]
            setattr(self, f"layer{stage}", nn.Sequential(first, *rest))
            channels = width
        self.bn2, self.fc, self.features = nn.BatchNorm2d(512), nn.Linear(512 * 49, 512), nn.BatchNorm1d(512)

    def forward(self, chips):
        x = self.prelu(self.bn1(self.conv1(chips)))
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


def randomise(network, seed=0):
    """Random weights that keep the size of activations, and random statistics of batch norms; ready to be asked."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(like, low, high):
        return low + (high - low) * torch.rand(like.shape, generator=generator)

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan_in = module.weight[0].numel()
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * (2 / fan_in) ** 0.5)
                if module.bias is not None:
                    module.bias.copy_(uniform(module.bias, -0.3, 0.3))
            elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                for tensor, low, high in (
                    (module.weight, 0.4, 0.9),
                    (module.bias, -0.5, 0.5),
                    (module.running_mean, -0.5, 0.5),
                    (module.running_var, 0.5, 2.0),
                ):
                    tensor.copy_(uniform(tensor, low, high))
            elif isinstance(module, nn.PReLU):
                module.weight.copy_(uniform(module.weight, -0.2, 0.6))
    return network.eval()


def efficientnet_lite0(file, images):
    """The four feature maps, from the arrays of the npz by their PyTorch names."""
    weights = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}

    def convolve(x, name, norm, stride=1, groups=1):
        kernel = weights[f"{name}.weight"]
        # TensorFlow's SAME, which these weights were trained with: what is odd of the padding lies at the far side.
        pads = [max((-(-n // stride) - 1) * stride + kernel.shape[-1] - n, 0) for n in x.shape[:1:-1]]
        x = F.pad(x, [half for pad in pads for half in (pad // 2, pad - pad // 2)])
        statistics = [weights[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(F.conv2d(x, kernel, None, stride, groups=groups), *statistics, eps=1e-3)

    x = F.relu6(convolve((images * 127.5 + 0.5) / 128, "_conv_stem", "_bn0", 2))
    taps, block = [], 0
    for group, (count, stride) in enumerate([(1, 1), (2, 2), (2, 2), (3, 2), (3, 1)]):
        for position in range(count):
            name, before = f"_blocks.{block}", x
            if block:
                x = F.relu6(convolve(x, f"{name}._expand_conv", f"{name}._bn0"))
            stride_now = stride if position == 0 else 1
            x = F.relu6(convolve(x, f"{name}._depthwise_conv", f"{name}._bn1", stride_now, groups=x.shape[1]))
            x = convolve(x, f"{name}._project_conv", f"{name}._bn2")
            x = x + before if position else x
            block += 1
        if group != 3:
            taps.append(x)
    return taps


def dlib_resnet(weights, chips):
    """128 numbers, from the unpacked arrays by their names in the manifest (kernels height, width, in, out)."""
    weights = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}

    def affine(x, name, stride=1):
        kernel = weights[f"{name}/conv/filters"].permute(3, 2, 0, 1)
        x = F.conv2d(x, kernel, weights[f"{name}/conv/bias"], stride, 0 if stride == 2 else kernel.shape[-1] // 2)
        gain, offset = (weights[f"{name}/scale/{key}"].reshape(-1, 1, 1) for key in ("weights", "biases"))
        return x * gain + offset

    def grown(x, like):
        """Zeros for the channels, rows and columns that the other one has more."""
        more = [max(b - a, 0) for a, b in zip(x.shape[1:], like.shape[1:], strict=True)]
        return F.pad(x, (0, more[2], 0, more[1], 0, more[0]))

    x = (chips * 127.5 + 127.5 - torch.tensor([122.782, 117.001, 104.298]).reshape(3, 1, 1)) / 256
    x = F.max_pool2d(F.relu(affine(x, "conv32_down", 2)), 3, 2)
    stages = {"conv32": 3, "conv64": 3, "conv128": 2, "conv256": 2}
    for name, count in stages.items():
        down = [] if name == "conv32" else [f"{name}_down"]
        for block in [*down, *(f"{name}_{n + 1}" for n in range(count)), *["conv256_down_out"] * (name == "conv256")]:
            halved = "down" in block
            y = affine(F.relu(affine(x, f"{block}/conv1", 2 if halved else 1)), f"{block}/conv2")
            x = F.avg_pool2d(x, 2) if halved else x
            x = F.relu(grown(x, y) + grown(y, x))
    return x.mean((2, 3)) @ weights["fc"]


def gaze_network(weights, crops, points):
    """Yaw and pitch in the frame of the eyes, from crops (B, 2, 3, H, W) as the network sees them and (B, 11, 2)."""
    weights = {name: {key: torch.from_numpy(np.array(x)) for key, x in one.items()} for name, one in weights.items()}

    def dense(name, x):
        return F.linear(x, weights[name]["kernel"].T, weights[name]["bias"])

    x = crops.flatten(0, 1)
    for name, stride in (("conv1", 2), ("conv2", 1), ("conv3", 2), ("conv4", 1), ("conv5", 2)):
        x = F.relu(F.conv2d(x, weights[name]["kernel"].permute(3, 2, 0, 1), weights[name]["bias"], stride, 1))
    eyes = F.relu(dense("eye", x.permute(0, 2, 3, 1).flatten(1))).unflatten(0, crops.shape[:2])

    def decide(first, second, points):
        together = torch.cat([first, second, points.flatten(1)], 1)
        return dense("angles", F.relu(dense("join", together)))

    swapped = points[:, [3, 2, 1, 0, 4, 5, 6, 7, 10, 9, 8]] * torch.tensor([-1.0, 1.0])
    direct, mirrored = decide(eyes[:, 0], eyes[:, 1], points), decide(eyes[:, 1], eyes[:, 0], swapped)
    return torch.stack([direct[:, 0] - mirrored[:, 0], direct[:, 1] + mirrored[:, 1]], 1) / 2
