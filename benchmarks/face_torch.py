"""FaceModel again in PyTorch, to time one against the other: the same config, the same weights, the same images.

Each module takes its part of the Flax parameters and copies it; names and order are those of vasa_jax.face. Images and
volumes are channels first, as PyTorch's operations want them; points are (B, *grid, 3) in the frame of
vasa_jax.geometry.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.encoders_torch import CompactEncoder, ResNet
from benchmarks.layers_torch import (
    Conv,
    Dense,
    Last,
    Params,
    ResBlock,
    depth_to_space,
    double,
    fold_depth,
    halve,
    numbered,
    resize,
    sample,
    unfold_depth,
)
from vasa_jax.face import surface
from vasa_jax.geometry import cell_centres, volume_grid

ENCODERS = {"resnet": ResNet, "compact": CompactEncoder}


class Pose(NamedTuple):
    rotation: Tensor
    translation: Tensor
    scale: Tensor

    @property
    def vector(self) -> Tensor:
        return torch.cat(self, -1)

    def matrix(self) -> Tensor:
        """R = Rz(roll) Ry(yaw) Rx(pitch), written out."""
        (cy, cp, cr), (sy, sp, sr) = self.rotation.cos().unbind(-1), self.rotation.sin().unbind(-1)
        rows = (
            (cr * cy, cr * sy * sp - sr * cp, cr * sy * cp + sr * sp),
            (sr * cy, sr * sy * sp + cr * cp, sr * sy * cp - cr * sp),
            (-sy, cy * sp, cy * cp),
        )
        return torch.stack([torch.stack(row, -1) for row in rows], -2)

    def to_image(self, points: Tensor) -> Tensor:
        return over(self.scale, points) * turn(self.matrix(), points) + over(self.translation, points)

    def to_canonical(self, points: Tensor) -> Tensor:
        centred = (points - over(self.translation, points)) / over(self.scale, points)
        return turn(self.matrix().mT, centred)


def turn(matrix: Tensor, points: Tensor) -> Tensor:
    """Matrix times each point; as a sum, since autocast would round coordinates in a matrix product."""
    matrix = matrix.view(len(matrix), *(1,) * (points.ndim - 2), 3, 3)
    return (matrix * points[..., None, :]).sum(-1)


def over(value: Tensor, points: Tensor) -> Tensor:
    return value.view(len(value), *(1,) * (points.ndim - 2), -1)


class Motion(NamedTuple):
    pose: Pose
    dynamics: Tensor


class Appearance(NamedTuple):
    volume: Tensor
    identity: Tensor
    source: tuple[Tensor, Tensor] | None


class FaceTorch(nn.Module):
    def __init__(self, params: Params, config: Params):
        super().__init__()
        self.view, self.fused = config.get("view", "crop"), config.get("fused_warps", False)
        for name in ("pose_encoder", "dynamics_encoder", "identity_encoder"):
            self.add_module(name, ENCODERS[config[name]["kind"]](params[name], config[name]))
        self.appearance_encoder = AppearanceEncoder(params["appearance_encoder"], config["appearance_encoder"])
        self.source_warp = WarpGenerator(params["source_warp"], config["warp"])
        self.driver_warp = WarpGenerator(params["driver_warp"], config["warp"])
        self.refiner = CanonicalRefiner(params["refiner"], config["refiner"])
        self.renderer = Renderer(params["renderer"], config["renderer"])
        self.register_buffer("view_points", view_points(self.view, config.get("view_size", 224)))
        self.register_buffer("grid", torch.from_numpy(volume_grid(*config["warp"]["size"]))[None])

    def motion(self, image: Tensor) -> Motion:
        raw = self.pose_encoder(image).float()
        translation = raw[:, 3:6] * raw.new_tensor([1.0, 1.0, 0.0])
        pose = Pose(raw[:, :3], translation, raw[:, 6:7].clamp(-1.5, 1.5).exp())
        seen = Pose(*(part.detach() for part in pose))
        points = self.view_points.expand(len(image), -1, -1, -1)
        if self.view == "crop":
            points = over(seen.scale, points) * points + over(seen.translation[:, :2], points)
        else:
            points = seen.to_image(points)
        view = sample(image, points[..., :2])
        return Motion(pose, self.dynamics_encoder(view).float())

    def encode(self, image: Tensor) -> tuple[Appearance, Motion]:
        motion = self.motion(image)
        posed, features = self.appearance_encoder(image)
        identity = self.identity_encoder(image)
        deformed = self.grid + self.source_warp(motion.dynamics, identity)
        seen_at = motion.pose.to_image(deformed)
        if self.fused:
            canonical = sample(posed, seen_at)
        else:
            upright = sample(posed, motion.pose.to_image(self.grid.expand_as(deformed)))
            canonical = sample(upright, deformed)
        volume = self.refiner(canonical)
        if not self.renderer.warped_source:
            return Appearance(volume, identity, None), motion
        volume = torch.cat([volume, seen_at[..., :2].permute(0, 4, 1, 2, 3)], 1)
        return Appearance(volume, identity, (image, features)), motion

    def decode(self, appearance: Appearance, motion: Motion) -> Tensor:
        deformation = self.driver_warp(motion.dynamics, appearance.identity)
        upright = motion.pose.to_canonical(self.grid.expand_as(deformation))
        shown = upright + sample(deformation.permute(0, 4, 1, 2, 3), upright).permute(0, 2, 3, 4, 1)
        if self.fused:
            volume = sample(appearance.volume, shown)
        else:
            volume = sample(sample(appearance.volume, self.grid + deformation), upright)
        vector = torch.cat([motion.pose.vector, motion.dynamics], -1)
        return self.renderer(volume, shown, vector, appearance.source)

    def forward(self, source: Tensor, driver: Tensor) -> Tensor:
        appearance, _ = self.encode(source)
        return self.decode(appearance, self.motion(driver))


def view_points(view: str, size: int) -> Tensor:
    """Where the dynamics encoder looks (vasa_jax.face.surface): (1, size, size, 2 or 3)."""
    c = cell_centres(size)
    if view == "crop":
        places = np.meshgrid(0.75 * c, -0.75 * c - 0.1)
    else:
        x, y = np.meshgrid(0.66 * c, -0.72 * c - 0.12)
        inside = 1 - (x / surface.HALF_WIDTH) ** 2 - ((y - surface.CENTRE_Y) / surface.HALF_HEIGHT) ** 2
        places = [x, y, surface.HALF_DEPTH * np.sqrt(np.maximum(inside, 0.05))]
    return torch.from_numpy(np.stack(places, -1).astype(np.float32))[None]


class AppearanceEncoder(nn.Module):
    def __init__(self, params: Params, config: Params):
        super().__init__()
        blocks = numbered(params, "ResBlock")
        flat = len(config["widths"]) - 1
        self.depth = config["depth"]
        self.stem = Conv(params["Conv_0"], config.get("stem_stride", 1))
        self.blocks = nn.ModuleList(ResBlock(p) for p in blocks[:flat])
        self.last = Last(params["Norm_0"], params["Conv_1"])
        self.blocks_3d = nn.ModuleList(ResBlock(p) for p in blocks[flat:])

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x, features = self.stem(image), None
        for block in self.blocks:
            x = block(x)
            features = x if features is None and x.shape[-1] == image.shape[-1] // 2 else features
            x = halve(x)
            features = x if features is None else features
        volume = unfold_depth(self.last(x), self.depth)
        for block in self.blocks_3d:
            volume = block(volume)
        return volume, features


class WarpGenerator(nn.Module):
    def __init__(self, params: Params, config: Params):
        super().__init__()
        self.size, self.seed, self.reach = config["size"], config["seed"], config.get("reach", 1.0)
        self.lift, self.first = Dense(params["Dense_0"]), Conv(params["Conv_0"])
        self.blocks = nn.ModuleList(ResBlock(p) for p in numbered(params, "ResBlock"))
        self.last = Last(params["Norm_0"], params["Conv_1"])
        self.linear = Dense(params["Dense_1"]) if config.get("linear", False) else None

    def forward(self, dynamics: Tensor, identity: Tensor) -> Tensor:
        lifted = self.lift(dynamics)[:, :, None, None] + identity
        code = F.relu(lifted.mean((2, 3)))
        x = unfold_depth(self.first(lifted), self.seed[0])
        for block in self.blocks:
            x = block(x, code)
            x = double(x) if x.shape[3] < self.size[1] else x
            x = x.repeat_interleave(2, 2) if x.shape[2] < self.size[0] else x
        out = self.last(x, code).float().permute(0, 2, 3, 4, 1)
        if self.linear is not None:
            out = out + self.linear(dynamics).view(out.shape)
        return self.reach * torch.tanh(out)


class CanonicalRefiner(nn.Module):
    def __init__(self, params: Params, config: Params):
        super().__init__()
        blocks = [ResBlock(p) for p in numbered(params, "ResBlock")]
        self.down = nn.ModuleList(blocks[: len(config["down"])])
        self.up = nn.ModuleList(blocks[len(config["down"]) :])
        self.last = Last(params["Norm_0"], params["Conv_0"])

    def forward(self, volume: Tensor) -> Tensor:
        x, skips = volume, []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = halve(x)
        for block, skip in zip(self.up, reversed(skips), strict=True):
            x = block(torch.cat([double(x), skip], 1))
        return volume + self.last(x)


class Renderer(nn.Module):
    def __init__(self, params: Params, config: Params):
        super().__init__()
        convs, norms, blocks = (numbered(params, kind) for kind in ("Conv", "Norm", "ResBlock"))
        self.final_block, self.modulated = config.get("final_block", 1), config.get("modulated", False)
        self.warped_source = config.get("warped_source", False)
        ups = numbered(params, "up") or blocks[config["blocks"] :]
        self.first = Conv(convs[0])
        self.blocks = nn.ModuleList(ResBlock(p) for p in blocks[: config["blocks"]])
        self.ups = nn.ModuleList(ResBlock(p) for p in ups)
        self.lasts = nn.ModuleList(Last(n, c) for n, c in zip(norms, convs[1:], strict=True))

    def forward(self, volume: Tensor, shown: Tensor, motion: Tensor, source: tuple[Tensor, Tensor] | None) -> Tensor:
        code = motion if self.modulated else None
        features = volume[:, :-2] if self.warped_source else volume
        x = self.first(fold_depth(features))
        for block in self.blocks:
            x = block(x, code)
        if self.warped_source:
            return self._blend(x, code, self._flow(x, volume[:, -2:], shown), source)
        for block in self.ups:
            x = block(double(x), code)
        return self._to_pixels(x)

    def _to_pixels(self, x: Tensor) -> Tensor:
        return depth_to_space(self.lasts[-1](x).float(), self.final_block)

    def _flow(self, x: Tensor, seen_at: Tensor, shown: Tensor) -> Tensor:
        weights = torch.softmax(self.lasts[0](x) + surface_logit(shown), 1)
        return torch.einsum("bkdhw,bdhw->bkhw", seen_at, weights)

    def _blend(self, x: Tensor, code: Tensor | None, flow: Tensor, source: tuple[Tensor, Tensor]) -> Tensor:
        image, source_features = source
        half = image.shape[-1] // 2
        for block in self.ups:
            x = double(x)
            if x.shape[-1] == half:
                flow = resize(flow, half) + 0.2 * torch.tanh(self.lasts[1](x))
                x = torch.cat([x, sample(source_features, flow.permute(0, 2, 3, 1))], 1)
            x = block(x, code)
        out = self._to_pixels(x)
        mask = torch.softmax(out[:, 3:] + out.new_tensor([0.0, 1.0, 0.0])[:, None, None], 1)
        carried = sample(image, resize(flow, image.shape[-1]).permute(0, 2, 3, 1))
        layers = torch.stack([torch.tanh(out[:, :3]), carried, image])
        return torch.einsum("nbchw,bnhw->bchw", layers, mask)


def surface_logit(points: Tensor) -> Tensor:
    x, y, z = points.unbind(-1)
    inside = 1 - (x / surface.HALF_WIDTH) ** 2 - ((y - surface.CENTRE_Y) / surface.HALF_HEIGHT) ** 2
    front = torch.where(inside > 0, surface.HALF_DEPTH * inside.clamp(min=1e-6).sqrt(), surface.BEHIND)
    return -(((z - front) / 0.35) ** 2)
