"""The samplers of a checkpoint, with the weights in them: one for each way to sample that was asked for."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.inference.controls import Controls, check_fast
from vasa_jax.inference.exports import NO_EXPORTS, Exports, Program
from vasa_jax.motion import GUIDANCE, ClipState, Sampling, initial_state


class Samplers:
    """Network and sampling are part of a program, and each that was asked for is kept.

    Args:
      checkpoint: config, statistics and networks.
      params: {"motion"} and maybe "student", on the device.
      kind: of the samplers, in the names of exported programs.
      make: (model, sampling=, ready=) -> a sampler, such as `motion.make_sampler` for so many windows.
      exports: programs that need not be traced.
    """

    def __init__(
        self, checkpoint: Checkpoint, params: Any, kind: str, make: Callable, exports: Exports = NO_EXPORTS
    ):
        self._checkpoint, self._params, self._exports = checkpoint, params, exports
        self._kind, self._make = kind, make
        self._made: dict[tuple[str, Sampling], Callable] = {}

    def __call__(self, controls: Controls) -> Callable:
        """The sampler that the controls ask for.

        Raises:
          UserError: see `controls.check_fast`.
        """
        room, sampling = way = self._way(controls)
        if way not in self._made:
            ready = self._exports.get(self._name(*way))
            sample = self._make(getattr(self._checkpoint.models, room), sampling=sampling, ready=ready)
            self._made[way] = partial(sample, {"params": self._params[room]})
        return self._made[way]

    def program(self, controls: Controls, *args: Any) -> Program:
        """That of the sampler, for the arguments behind the weights and before the scales of GUIDANCE and the state."""
        sample, scales = self(controls), {name: np.float32(scale) for name, scale in GUIDANCE.items()}
        rest = jax.random.key(0), scales, beginning(self._checkpoint)
        return Program(self._name(*self._way(controls)), sample.func.program, (*sample.args, *args, *rest))

    def _way(self, controls: Controls) -> tuple[str, Sampling]:
        """The room of the motion model, and how it samples."""
        if not controls.fast:
            return "motion", Sampling(controls.steps, controls.sampler, controls.eta)
        student = self._checkpoint.config.get("student")
        check_fast(student, controls)
        return "student", Sampling(student["steps"])

    def _name(self, room: str, sampling: Sampling) -> str:
        return f"{self._kind}-{room}-{sampling.steps}-{sampling.sampler}-{sampling.eta:g}"


def beginning(checkpoint: Checkpoint) -> ClipState:
    """No motion yet, of one clip."""
    return initial_state(checkpoint.models.motion, 1, checkpoint.models.speech.feature_size)
