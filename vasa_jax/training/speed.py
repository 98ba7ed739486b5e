"""How fast a training goes: images a second, and how much of the device's peak it uses (MFU).

    MFU = FLOPs of a step / (seconds of a step x peak FLOP/s of the device in bfloat16)

The FLOPs are those that XLA counts in the compiled program (`cost_analysis`): what is computed a second time to save
memory counts too, so with rematerialisation this is what is called hardware utilisation elsewhere.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from vasa_jax.training.chips import chip_of


@dataclasses.dataclass(frozen=True)
class StepCost:
    """What one step takes.

    Attributes:
      images: that a step draws or reads, on all devices; 0 for a stage without images.
      flops: of one device; None where the compiler does not say.
      peak: bfloat16 FLOP/s of one device; None where it is not published, as of a CPU.
    """

    images: int = 0
    flops: float | None = None
    peak: float | None = None

    def curves(self, steps_per_second: float) -> dict[str, float]:
        """By name: images_per_second, flops_per_second of one device, mfu in [0, 1]; without what is not known."""
        found = {}
        if self.images:
            found["images_per_second"] = self.images * steps_per_second
        if self.flops:
            found["flops_per_second"] = self.flops * steps_per_second
            if self.peak:
                found["mfu"] = found["flops_per_second"] / self.peak
        return found


def cost_of(program: jax.stages.Compiled, batch: Any, device: jax.Device, repeats: int = 1) -> StepCost:
    """The cost of a compiled step.

    Args:
      program: the step.
      batch: that it takes, of global shapes.
      device: one of those that it runs on.
      repeats: turns of the loop that holds nearly all of the program (Phase.accumulate): XLA counts a loop's body once.
    """
    chip = chip_of(device.device_kind)
    flops = flops_of(program)
    return StepCost(images_in(batch), flops and flops * repeats, chip and chip.flops_bf16)


def flops_of(program: Any) -> float | None:
    """FLOPs that XLA counts in a compiled program (jax.stages.Compiled), of one device; None where it does not say."""
    counted = program.cost_analysis()
    flops = counted.get("flops", math.nan) if isinstance(counted, Mapping) else math.nan
    return float(flops) if flops > 0 else None


def images_in(batch: Any) -> int:
    """How many pictures (..., S, S, 3) uint8 the largest leaf of a batch holds: the drivers of pairs of frames."""
    leaves = [leaf for leaf in jax.tree.leaves(batch) if leaf.dtype == np.uint8 and len(leaf.shape) > 3]
    return max((math.prod(leaf.shape[:-3]) for leaf in leaves), default=0)
