"""Experiment 2, self-driven: one frame of a clip gives the appearance, the others their motion.

The measure to beat is to copy the source frame: it has the person and the scene, and none of the motion.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from vasa_jax.evaluation import images
from vasa_jax.evaluation.samples import Sample
from vasa_jax.pixels import from_uint8, to_uint8

DRIVERS, BATCH = 16, 8
# (source (S, S, 3), drivers (n, S, S, 3)) uint8 -> rebuilt drivers, uint8
Rebuild = Callable[[np.ndarray, np.ndarray], np.ndarray]


def rebuilder(model, params) -> Rebuild:
    """Rebuilds drivers from a source by `encode`, `motion` and `decode` of a face model; compiled once."""

    @jax.jit
    def encode(params, source):
        return model.apply({"params": params}, source, method="encode")[0]

    @jax.jit
    def decode(params, appearance, drivers):
        motion = model.apply({"params": params}, drivers, method="motion")
        repeated = jax.tree.map(lambda x: jnp.repeat(x, BATCH, 0), appearance)
        return model.apply({"params": params}, repeated, motion, method="decode")

    def rebuild(source: np.ndarray, drivers: np.ndarray) -> np.ndarray:
        appearance = encode(params, from_uint8(source[None]))
        rebuilt = []
        for start in range(0, len(drivers), BATCH):
            batch = drivers[start : start + BATCH]
            full = np.concatenate([batch, np.repeat(batch[-1:], BATCH - len(batch), 0)])
            rebuilt.append(np.asarray(decode(params, appearance, from_uint8(full)))[: len(batch)])
        return np.asarray(to_uint8(np.concatenate(rebuilt)))

    return rebuild


def measure(rebuild: Rebuild, sample: Sample, size: int) -> dict:
    """PSNR (dB) and SSIM of rebuilt frames and of copies of the source, over whole frames and over the mouth.

    Args:
      rebuild: see `rebuilder`.
      sample: its portrait is the source; up to 16 other frames, evenly spread, are the drivers.
      size: of the model's images.

    Returns:
      Means over the drivers: "psnr_face", "ssim_face", "psnr_mouth", "ssim_mouth", and the same with "copy_"
      before.
    """
    others = np.setdiff1d(np.arange(len(sample.frames)), [sample.portrait])
    chosen = others[np.unique(np.linspace(0, len(others) - 1, DRIVERS).astype(int))]
    source, *drivers = resize(sample.frames[[sample.portrait, *chosen]], size)
    rebuilt = rebuild(source, np.stack(drivers))
    boxes = [images.mouth_box(sample.landmarks[index], size) for index in chosen]
    row = {"clip": sample.name, "identity": sample.identity}
    for prefix, candidates in (("", rebuilt), ("copy_", [source] * len(drivers))):
        for name, metric in (("psnr", images.psnr), ("ssim", images.ssim)):
            faces = [metric(image, truth) for image, truth in zip(candidates, drivers, strict=True)]
            mouths = [
                metric(images.cut(image, box), images.cut(truth, box))
                for image, truth, box in zip(candidates, drivers, boxes, strict=True)
            ]
            row[f"{prefix}{name}_face"] = float(np.mean(faces))
            row[f"{prefix}{name}_mouth"] = float(np.mean(mouths))
    return row


def resize(frames: np.ndarray, size: int) -> np.ndarray:
    """(n, S, S, 3) uint8 -> (n, size, size, 3) uint8."""
    if frames.shape[1] == size:
        return frames
    return np.stack(
        [np.asarray(Image.fromarray(f).resize((size, size), Image.Resampling.LANCZOS)) for f in frames]
    )
