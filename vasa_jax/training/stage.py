"""What the loop asks of a stage. A stage is one room's training: what is learned, from which batches, by which loss."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import grain
import jax
import numpy as np

from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.state import TrainState, first_state

Metrics = dict[str, jax.Array]


class Company(NamedTuple):
    """The networks beside the one that learns.

    Attributes:
      critic: parameters of the critic, which learns at the same time; None without one.
      judges: frozen networks, a pytree that the loss knows.
    """

    critic: Any = None
    judges: Any = None


ALONE = Company()
Loss = Callable[[Any, Any, jax.Array, Company], tuple[jax.Array, Metrics]]


@dataclasses.dataclass(frozen=True)
class Phase:
    """A part of a training with its own data and loss.

    Attributes:
      name: shown in the progress line and before each curve.
      until: share of the whole budget at which it is over; 1 for the last.
      batches: the data, a grain dataset; None in a phase whose step is compiled and never taken.
      loss: (params, batch on the mesh, key, company) -> (loss, scalars to show).
      optimiser: its numbers; the rule must be the same in all phases of a stage.
      critic_optimiser: the critic learns in this phase, with these numbers; None: it does not.
      judges: the frozen networks that the loss looks through.
      accumulate: parts of a batch that are taken one after the other, for the memory of one.
      begins: share of the budget at which the learning rate begins to fall; it ends at `ends`.
      ends: the same as `until` if None.
      fresh: the optimiser and the average begin anew; False goes on with those of the phase before.
    """

    name: str
    until: float
    batches: grain.IterDataset | None
    loss: Loss
    optimiser: Optimiser
    critic_optimiser: Optimiser | None = None
    judges: Any = None
    accumulate: int = 1
    begins: float = 0.0
    ends: float | None = None
    fresh: bool = True

    def progress(self, used: float) -> float:
        """How far the learning rate has come at a used share of the budget, from 0 to 1."""
        ends = self.until if self.ends is None else self.ends
        return (used - self.begins) / (ends - self.begins)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a stage says of itself on held-out data: scalars, pictures (H, W, 3) uint8, `inference.video.Video`s."""

    scalars: Mapping[str, float] = dataclasses.field(default_factory=dict)
    pictures: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    videos: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Stage:
    """The training of one network.

    Attributes:
      room: "face", "motion" or "speech", the section of a checkpoint that it fills; or "gaze", the judge.
      model: the network's config, which travels with its weights.
      init: key -> parameters.
      critic_init: the same for the critic; None where no phase has one.
      phases: one after the other.
      report: averaged parameters -> what they do on held-out data.
      weights: reads the parameters (NumPy) to begin with in place of those that `init` draws; None for these.
      extras: more that the weights need at inference (statistics), as JSON.
    """

    room: str
    model: Mapping[str, Any]
    init: Callable[[jax.Array], Any]
    phases: tuple[Phase, ...]
    report: Callable[[Any], Report] = lambda params: Report()
    critic_init: Callable[[jax.Array], Any] | None = None
    weights: Callable[[], Mapping[str, Any]] | None = None
    extras: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def first_state(self) -> Callable[[jax.Array], TrainState]:
        """key -> the state before the first step."""
        critic = None
        if self.critic_init:
            rule = next(phase.critic_optimiser for phase in self.phases if phase.critic_optimiser)
            critic = self.critic_init, rule.transformation()
        return first_state(self.init, self.phases[0].optimiser.transformation(), critic)

    @property
    def about(self) -> dict[str, Any]:
        """What is written beside the trained weights."""
        return {"room": self.room, "model": self.model, **self.extras}
