"""How a face model does on held-out people while it trains: numbers beside "copy the source", and a picture grid."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vasa_jax.data import pipeline
from vasa_jax.face import losses
from vasa_jax.pixels import from_uint8, to_uint8
from vasa_jax.training.face import flat
from vasa_jax.training.stage import Report
from vasa_jax.types import HeadPose

ROWS = 6  # people in the grid
CHUNK = 8  # pairs decoded at once


class FaceReport:
    """Averaged parameters -> Report, always on the same pairs of the held-out clips.

    Args:
      model: the face model.
      source: held-out clips (data.clips.open_clips).
      sample: gives a pair with one driver (data.pipeline.FacePairs).
      clips: how many clips to look at.
    """

    def __init__(self, model: Any, source: Any, sample: pipeline.FacePairs, clips: int = 24):
        one = dataclasses.replace(sample, drivers=1)
        every = max(1, len(source) // clips)
        chosen = range(0, len(source), every)[:clips]
        pairs = [one(source[i], np.random.default_rng(i)) for i in chosen]
        self._pairs = {name: np.stack([pair[name] for pair in pairs]) for name in pairs[0]}
        self._look = jax.jit(lambda params, pairs: look(model, params, pairs))

    def __call__(self, params: Any) -> Report:
        count = len(self._pairs["source"])
        starts = range(0, count, CHUNK)
        seen = [jax.device_get(self._look(params, self._chunk(start))) for start in starts]
        seen = {name: np.concatenate([chunk[name] for chunk in seen])[:count] for name in seen[0]}
        return Report(self._scalars(seen), {"pairs": grid([seen[name][:ROWS] for name in COLUMNS])})

    def _chunk(self, start: int) -> dict[str, np.ndarray]:
        """CHUNK pairs from `start` on, the last ones from the front again: one shape, one program."""
        chosen = np.arange(start, start + CHUNK) % len(self._pairs["source"])
        return {name: value[chosen] for name, value in self._pairs.items()}

    def _scalars(self, seen: dict[str, np.ndarray]) -> dict[str, float]:
        target, expression = seen["driver"], flat(self._pairs["driver_expression"])
        everywhere, mouth = np.ones_like(seen["mouth"]), seen["mouth"]
        pose_error = np.abs(seen["pose"] - flat(self._pairs["driver_pose"]))[:, :3].mean()
        return {
            "psnr": psnr(seen["output"], target, everywhere),
            "psnr_mouth": psnr(seen["output"], target, mouth),
            "label_pose": psnr(seen["label_pose"], target, everywhere),
            "label_pose_mouth": psnr(seen["label_pose"], target, mouth),
            "copy": psnr(seen["source"], target, everywhere),
            "copy_mouth": psnr(seen["source"], target, mouth),
            "pose_degrees": float(np.rad2deg(pose_error)),
            "expression_r2": r2(seen["expression"], expression),
        }


COLUMNS = ("source", "driver", "output", "label_pose", "error", "pose_only", "dynamics_only", "neighbour")


def look(model: Any, params: Any, pairs: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Pictures and readings of a chunk of pairs, as inference makes them: poses are estimates unless said.

    Returns:
      source, driver, output, error, label_pose (the driver's pose from its label), pose_only (the source's
      dynamics), dynamics_only (the source's pose), neighbour (the next pair's source under this driver): (B,
      S, S, 3) in [-1, 1]; mouth (B, S, S, 1) the mouth's box; pose (B, 7), expression (B, 57) as read from
      the driver.
    """

    def apply(method: str, *args: Any) -> Any:
        return model.apply({"params": params}, *args, method=method)

    source, driver = from_uint8(pairs["source"]), from_uint8(flat(pairs["driver"]))
    appearance, own = apply("encode", source)
    motion = apply("motion", driver)
    label = HeadPose.from_vector(flat(pairs["driver_pose"]))
    output = apply("decode", appearance, motion)
    neighbour = jax.tree.map(lambda x: jnp.roll(x, -1, 0), appearance)
    return {
        "source": source,
        "driver": driver,
        "output": output,
        "error": jnp.abs(output - driver) - 1,
        "label_pose": apply("decode", appearance, motion.replace(pose=label)),
        "pose_only": apply("decode", appearance, motion.replace(dynamics=own.dynamics)),
        "dynamics_only": apply("decode", appearance, motion.replace(pose=own.pose)),
        "neighbour": apply("decode", neighbour, motion),
        "mouth": losses.region_weights(flat(pairs["driver_landmarks"]), source.shape[1], 1.0, 0.0) - 1,
        "pose": motion.pose.vector,
        "expression": apply("read_labels", motion.dynamics)["expression"],
    }


def psnr(image: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB where `weight` (B, S, S, 1) lies, mean over the batch; images in [-1, 1]."""
    error = ((np.clip(image, -1, 1) - target) ** 2 * weight).sum((1, 2, 3)) / (3 * weight.sum((1, 2, 3)))
    return float(np.mean(10 * np.log10(4 / (error + 1e-8))))


def r2(read: np.ndarray, label: np.ndarray) -> float:
    """Mean explained share of variance over the coefficients that vary at all."""
    variance = ((label - label.mean(0)) ** 2).sum(0)
    used = label.std(0) > 0.02
    return float(np.mean(1 - (((read - label) ** 2).sum(0) / (variance + 1e-9))[used])) if used.any() else 0.0


def grid(columns: list[np.ndarray]) -> np.ndarray:
    """(B, S, S, 3) columns in [-1, 1] side by side: one uint8 picture."""
    rows = np.concatenate(np.concatenate(columns, 2), 0)
    return np.asarray(to_uint8(rows))
