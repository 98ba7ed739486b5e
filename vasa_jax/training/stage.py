"""What the loop asks of a stage. A stage is one room's training: what is learned, from which batches, by which loss."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import grain
import jax
import numpy as np

from vasa_jax.training.optimiser import Optimiser

Metrics = dict[str, jax.Array]
Loss = Callable[[Any, Any, jax.Array], tuple[jax.Array, Metrics]]


@dataclasses.dataclass(frozen=True)
class Phase:
    """A part of a training with its own data and loss.

    Attributes:
      name: shown in the progress line and before each curve.
      until: share of the whole budget at which it is over; 1 for the last.
      batches: the data, a grain dataset.
      loss: (params, batch on the mesh, key) -> (loss, scalars to show).
      optimiser: its numbers; the rule must be the same in all phases of a stage.
    """

    name: str
    until: float
    batches: grain.IterDataset
    loss: Loss
    optimiser: Optimiser


@dataclasses.dataclass(frozen=True)
class Report:
    """What a stage says of itself on held-out data: scalars, and pictures (H, W, 3) uint8."""

    scalars: Mapping[str, float] = dataclasses.field(default_factory=dict)
    pictures: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Stage:
    """The training of one network.

    Attributes:
      room: "face", "motion" or "speech": the section of a checkpoint that it fills.
      model: the network's config, which travels with its weights.
      init: key -> parameters.
      phases: one after the other.
      report: averaged parameters -> what they do on held-out data.
      extras: more that the weights need at inference (statistics), as JSON.
    """

    room: str
    model: Mapping[str, Any]
    init: Callable[[jax.Array], Any]
    phases: tuple[Phase, ...]
    report: Callable[[Any], Report] = lambda params: Report()
    extras: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def about(self) -> dict[str, Any]:
        """What is written beside the trained weights."""
        return {"room": self.room, "model": self.model, **self.extras}
