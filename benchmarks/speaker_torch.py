"""From features of speech to frames in PyTorch: an animator's networks and weights, one step after another."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import torch

from benchmarks.face_torch import FaceTorch, Motion, Pose
from benchmarks.joyvasa_torch import JoyVasaTorch
from benchmarks.liveportrait_torch import LivePortraitTorch
from benchmarks.motion_torch import MotionTorch, sample
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.face_programs import BATCH, filled
from vasa_jax.motion import cosine_schedule
from vasa_jax.motion.solvers import visited

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class SpeakerTorch:
    """An animator's face and motion, for one portrait.

    Args:
      animator: whose weights and type these are.
      square: uint8 (S, S, 3), the portrait.
      compiled: by torch.compile.
    """

    def __init__(self, animator: Any, square: np.ndarray, compiled: bool):
        torch.set_num_threads(os.cpu_count() or 1)
        self.device = "cuda" if jax.default_backend() == "gpu" else "cpu"
        self.checkpoint, self.dtype = animator.checkpoint, TYPES[animator.dtype]
        face = face_of(self.checkpoint).to(self.device).eval()
        self.network = motion_of(self.checkpoint).to(self.device).eval()
        if self.device == "cuda":
            face = face.to(memory_format=torch.channels_last)
        wrap = torch.compile if compiled else lambda function: function
        self._decode, self._move = wrap(face.decode), wrap(self.network)
        image = self._put(square[None].astype(np.float32) / 127.5 - 1).movedim(-1, 1).contiguous()
        with torch.no_grad(), self._precision():
            self.appearance, _ = face.encode(image)

    def move(self, features: np.ndarray, controls: Controls) -> np.ndarray:
        """Standardised motion (T, M), window after window, of features (1, T, F) that fill whole windows."""
        model, given = self.checkpoint.models.motion, controls.arrays(self.checkpoint.mean_distance)
        schedule, times = cosine_schedule(), np.asarray(visited(controls.steps))
        shares = [*np.asarray(schedule.alpha_bar)[times].tolist(), 1.0]
        history, yes = (1, model.history), np.ones(1, bool)
        c = {
            "previous_motion": np.zeros((*history, model.motion_size), np.float32),
            "previous_audio": np.zeros((*history, model.feature_size), np.float32),
            "audio_length": np.array([model.window]),
            **given,
            **{f"has_{name}": yes for name in ("audio", "gaze", "distance", "emotion")},
            "has_previous": np.zeros(1, bool),
        }
        c, motions = {name: self._put(value) for name, value in c.items()}, []
        for start in range(0, features.shape[1], model.window):
            c["audio"] = self._put(features[:, start : start + model.window])
            noise = torch.randn(1, model.window, model.motion_size, device=self.device)
            with torch.no_grad():
                motion = sample(self._move, noise, c, controls.guidance, times, shares)
            c["previous_motion"], c["previous_audio"] = motion[:, -model.history :], c["audio"][:, -model.history :]
            c["has_previous"] = self._put(yes)
            motions.append(motion[0].cpu().numpy())
        return np.concatenate(motions)

    def images(self, motion: np.ndarray) -> torch.Tensor:
        """(n, 3, S, S) in [-1, 1], in standardised motion (n, M)."""
        restored = self._put(np.asarray(self.checkpoint.statistics.restore(motion)))
        pose = Pose(restored[:, :3], restored[:, 3:6], restored[:, 6:7])
        with torch.no_grad(), self._precision():
            return self._decode(self._repeated(len(motion)), Motion(pose, restored[:, 7:])).float()

    def decode(self, motion: np.ndarray, batch: int = BATCH) -> np.ndarray:
        """uint8 frames (n, S, S, 3), not marked, in standardised motion (n, M); n is at most `batch`."""
        levels = ((self.images(filled(motion, batch)) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        return levels.permute(0, 2, 3, 1).cpu().numpy()[: len(motion)]

    def frames(self, motion: np.ndarray, batch: int = BATCH) -> Iterator[np.ndarray]:
        """Frames (S, S, 3) of a clip's motion (T, M)."""
        for start in range(0, len(motion), batch):
            yield from self.decode(motion[start : start + batch], batch)

    def _repeated(self, batch: int) -> Any:
        def repeat(part: Any) -> Any:
            if isinstance(part, torch.Tensor):
                return part.expand(batch, *part.shape[1:])
            return None if part is None else tuple(map(repeat, part))

        return self.appearance._make(map(repeat, self.appearance))

    def _put(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.array(array)).to(self.device)

    def _precision(self) -> contextlib.AbstractContextManager:
        enabled = self.dtype is not torch.float32
        return torch.autocast(self.device, self.dtype) if enabled else contextlib.nullcontext()


def face_of(checkpoint: Any) -> torch.nn.Module:
    """A checkpoint's face in PyTorch."""
    params, config = jax.tree.map(np.asarray, checkpoint.params["face"]), checkpoint.config["face"]
    return (LivePortraitTorch if config.get("kind") == "liveportrait" else FaceTorch)(params, config)


def motion_of(checkpoint: Any) -> torch.nn.Module:
    """A checkpoint's motion model in PyTorch."""
    params, model = jax.tree.map(np.asarray, checkpoint.params["motion"]), checkpoint.models.motion
    if checkpoint.config["motion"].get("kind") == "joyvasa":
        return JoyVasaTorch(params, model.window, model.heads, model.steps)
    return MotionTorch(params, model.window)
