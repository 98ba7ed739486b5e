"""LivePortrait again in PyTorch, to time one against the other: the same weights, the same frames.

Built from the Flax parameters, so its norms are folded as the converter folds them, to PyTorch's advantage. All else is
as the paper has it: 22 volumes sampled, a 7x7x7 convolution, feature maps repeated before they are convolved. Images
and volumes are channels first; keypoints are (B, 21, 3) in LivePortrait's frame.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.face_torch import Motion, Pose
from benchmarks.layers_torch import Conv, Params, depth_to_space, double, fold_depth, halve, numbered, parameter
from benchmarks.liveportrait_encoders_torch import MLP, AppearanceExtractor, MotionExtractor
from vasa_jax.open_weights.liveportrait import build_liveportrait
from vasa_jax.open_weights.liveportrait.keypoints import EXPRESSION_SIZE, FLIP
from vasa_jax.open_weights.liveportrait.reader import BINS, HEADS, KEYPOINTS
from vasa_jax.open_weights.liveportrait.warp import HEAT_VARIANCE

IMAGE_SLOPE, FEATURE_SLOPE = 0.2, 0.01


class Appearance(NamedTuple):
    """What a portrait keeps; see `vasa_jax.open_weights.liveportrait.model.KeypointAppearance`."""

    volume: Tensor
    identity: Tensor
    placed: Tensor
    compressed: Tensor


class LivePortraitTorch(nn.Module):
    """The same as vasa_jax.open_weights.liveportrait.LivePortrait with these parameters.

    Args:
      params: Flax parameters, nested, NumPy.
      config: as for `build_liveportrait`.
    """

    def __init__(self, params: Params, config: Mapping[str, Any]):
        super().__init__()
        fields = {name: value for name, value in config.items() if name != "kind"}
        self.spare, self.stitched = fields.get("spare", 0), fields.get("stitched", True)
        depth = build_liveportrait(fields).appearance_extractor.depth
        self.appearance_extractor = AppearanceExtractor(params["appearance_extractor"], depth)
        self.motion_extractor = MotionExtractor(params["motion_extractor"])
        self.compressor = Conv(params["compressor"]["conv"])
        self.warping = WarpingModule(params["warping"])
        self.generator = Generator(params["generator"])
        self.stitching = MLP(params["stitching"]["mlp"])

    def encode(self, image: Tensor) -> tuple[Appearance, Motion]:
        small = halve((image + 1) / 2)
        identity, motion = self._read(small)
        volume = self.appearance_extractor(small)
        compressed = F.relu(self.compressor(volume))
        return Appearance(volume, identity, place(identity, motion), compressed), motion

    def decode(self, appearance: Appearance, motion: Motion) -> Tensor:
        driving = place(appearance.identity, motion)
        if self.stitched:
            offsets = self.stitching(torch.cat([appearance.placed.flatten(1), driving.flatten(1)], 1)).float()
            driving = driving + offsets[:, :-2].view_as(driving) + F.pad(offsets[:, None, -2:], (0, 1))
        return 2 * self.generator(self.warping(appearance, driving)) - 1

    def _read(self, small: Tensor) -> tuple[Tensor, Motion]:
        """Canonical keypoints, and the motion in our frame."""
        parts = self.motion_extractor(small).float().split(tuple(HEADS.values()), 1)
        read = dict(zip(HEADS, parts, strict=True))
        bins = torch.arange(BINS, dtype=torch.float32, device=small.device)
        yaw, pitch, roll = ((3 * (read[a].softmax(1) @ bins) - 97.5).deg2rad() for a in ("yaw", "pitch", "roll"))
        translation = read["translation"] * small.new_tensor(FLIP)
        pose = Pose(torch.stack([-yaw, pitch, -roll], 1), translation, read["scale"])
        return read["keypoints"].view(-1, KEYPOINTS, 3), Motion(pose, F.pad(read["expression"], (0, self.spare)))


def place(canonical: Tensor, motion: Motion) -> Tensor:
    """Keypoints where a motion puts them; turned by a sum, since autocast would round a matrix product."""
    flip = canonical.new_tensor(FLIP)
    matrix = flip[:, None] * motion.pose.matrix() * flip
    turned = (matrix[:, None] * canonical[..., None, :]).sum(-1)
    expression = motion.dynamics[:, :EXPRESSION_SIZE].view(-1, KEYPOINTS, 3)
    shift = motion.pose.translation * flip * canonical.new_tensor([1.0, 1.0, 0.0])
    return motion.pose.scale[:, None] * (turned + expression) + shift[:, None]


class WarpingModule(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        hourglass = params["hourglass"]
        self.downs, self.ups = (nn.ModuleList(map(Conv, numbered(hourglass, kind))) for kind in ("down", "up"))
        self.last = Conv(hourglass["last"])
        self.mask, self.occlusion = Conv(params["mask"]), Conv(params["occlusion"])
        self.project, self.mix = Conv(params["project"]), Conv(params["mix"])

    def forward(self, appearance: Appearance, driving: Tensor) -> Tensor:
        shifts = F.pad(appearance.placed - driving, (0, 0, 1, 0))  # the background's first
        points = grid(appearance.compressed)
        grids = points + shifts[:, :, None, None, None]
        x = self.hourglass(candidates(appearance, driving, points, grids))
        mask = self.mask(x).float().softmax(1)
        deformation = (mask[..., None] * grids).sum(1)
        h = F.leaky_relu(self.project(fold_depth(sampled(appearance.volume, deformation))), FEATURE_SLOPE)
        return self.mix(h) * self.occlusion(fold_depth(x)).sigmoid()

    def hourglass(self, x: Tensor) -> Tensor:
        skips = [x]
        for down in self.downs:
            x = halve(F.relu(down(x)))
            skips.append(x)
        x = skips.pop()
        for up in self.ups:
            x = torch.cat([F.relu(up(double(x))), skips.pop()], 1)
        return F.relu(self.last(x))


def grid(volume: Tensor) -> Tensor:
    """(D, H, W, 3) points x, y, z."""
    z, y, x = (torch.linspace(-1, 1, n, device=volume.device) for n in volume.shape[2:])
    return torch.stack(torch.meshgrid(z, y, x, indexing="ij")[::-1], -1)


def sampled(volume: Tensor, points: Tensor) -> Tensor:
    return F.grid_sample(volume.to(points.dtype), points, padding_mode="zeros", align_corners=False)


def candidates(appearance: Appearance, driving: Tensor, points: Tensor, grids: Tensor) -> Tensor:
    """(B, 22 (1 + E), D, H, W): for each candidate its heat and the volume under its shift."""
    heat = F.pad(heat_of(driving, points) - heat_of(appearance.placed, points), (0,) * 6 + (1, 0))
    batch, count = grids.shape[:2]
    volumes = appearance.compressed.repeat_interleave(count, 0)
    seen = sampled(volumes, grids.flatten(0, 1)).unflatten(0, (batch, count))
    return torch.cat([heat[:, :, None], seen], 2).flatten(1, 2)


def heat_of(keypoints: Tensor, points: Tensor) -> Tensor:
    """(B, 21, D, H, W)."""
    distance = (points - keypoints[:, :, None, None, None]).square().sum(-1)
    return (-distance / (2 * HEAT_VARIANCE)).exp()


class Modulation(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        self.shared, self.gamma_and_beta = Conv(params["shared"]), Conv(params["gamma_and_beta"])

    def forward(self, normed: Tensor, features: Tensor) -> Tensor:
        gamma, beta = self.gamma_and_beta(F.relu(self.shared(features))).chunk(2, 1)
        return normed * (1 + gamma) + beta


class SpadeBlock(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        self.first, self.second = Modulation(params["modulation_0"]), Modulation(params["modulation_1"])
        self.conv_0, self.conv_1 = Conv(params["conv_0"]), Conv(params["conv_1"])
        if "skip" in params:
            self.around, self.skip = Modulation(params["modulation_skip"]), parameter(params["skip"]["kernel"].T)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        features = F.interpolate(features, size=x.shape[2:])
        normed = F.instance_norm(x)
        h = self.conv_0(F.leaky_relu(self.first(normed, features), IMAGE_SLOPE))
        h = self.conv_1(F.leaky_relu(self.second(F.instance_norm(h), features), IMAGE_SLOPE))
        if not hasattr(self, "skip"):
            return x + h
        return F.conv2d(self.around(normed, features), self.skip[..., None, None]) + h


class Generator(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        self.stem, self.last = Conv(params["stem"]), Conv(params["last"])
        self.blocks, self.ups = (nn.ModuleList(map(SpadeBlock, numbered(params, kind))) for kind in ("block", "up"))

    def forward(self, features: Tensor) -> Tensor:
        x = self.stem(features)
        for block in self.blocks:
            x = block(x, features)
        for up in self.ups:
            x = up(double(x), features)
        return depth_to_space(self.last(F.leaky_relu(x, IMAGE_SLOPE)), 2).float().sigmoid()
