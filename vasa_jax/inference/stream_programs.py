"""What streams run, compiled: the ear that hears a few frames more, and the sampler of the next frames.

All streams of an animator share the programs: each has fixed shapes, and what differs is passed in.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.errors import UserError
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.ear import Ear
from vasa_jax.inference.exports import NO_EXPORTS, Exports, Program
from vasa_jax.inference.samplers import Samplers, beginning
from vasa_jax.motion import ClipState, Wishes, make_stream_sampler

USUAL = {"steps": 10, "sampler": "dpm"}  # where nothing is said: the paper's fifty are for those who can wait


class StreamPrograms:
    """The motion models of a checkpoint with their weights, and its ear, for streams.

    Args:
      checkpoint: config, statistics and networks.
      params: {"motion"} and maybe "student", on the device.
      ear: the speech encoder.
      exports: programs that need not be traced.
    """

    def __init__(self, checkpoint: Checkpoint, params: Any, ear: Ear, exports: Exports = NO_EXPORTS):
        self._checkpoint, self._params, self._exports = checkpoint, params, exports
        self._samplers: dict[int, Samplers] = {}
        self.ear = ear

    def programs(self, hop: int) -> Iterator[Program]:
        """Those that a stream with the default controls runs; none where the weights cannot stream."""
        if not self.ear.can_stream:
            return
        yield self.ear.program(hop)
        controls, features = self.controls({}), np.zeros((1, hop, self.ear.feature_size), np.float32)
        yield self._sampler(hop).program(controls, features, self.wishes(controls))

    def controls(self, given: dict[str, Any]) -> Controls:
        """Those of a stream: the few-step student samples, or USUAL, if nothing is said of it.

        Raises:
          UserError: a control that is out of range, or that no stream has.
        """
        if given.get("blinks") is not None:
            raise UserError("a stream cannot set its blinks, which needs the motion to come: leave blinks out")
        if not given.keys() & {"fast", "steps", "sampler", "eta"}:
            given = {**given, **({"fast": True} if self._checkpoint.config.get("student") else USUAL)}
        return Controls(**given)

    def check(self, controls: Controls, hop: int) -> None:
        """UserError where these weights cannot do what is asked."""
        if not self.ear.can_stream:
            raise UserError("these weights cannot stream: their ear has to hear a clip to its end")
        window = self._checkpoint.models.motion.window
        if not 1 <= hop <= window:
            raise UserError(f"a stream's hop has 1 to {window} frames, not {hop}")
        self._sampler(hop)(controls)

    def beginning(self) -> ClipState:
        """No motion yet."""
        return beginning(self._checkpoint)

    def wishes(self, controls: Controls) -> Wishes:
        """Of one stream."""
        return Wishes(**controls.arrays(self._checkpoint.mean_distance))

    def move(
        self, features: jax.Array, controls: Controls, wishes: Wishes, state: ClipState
    ) -> tuple[np.ndarray, ClipState]:
        """Standardised motion (hop, M) of the frames with these features (1, hop, F)."""
        sample = self._sampler(features.shape[1])(controls)
        key = jax.random.key(np.uint32(controls.seed))
        motion, state = sample(features, wishes, key, controls.guidance, state)
        return np.asarray(motion[0]), state

    def _sampler(self, hop: int) -> Samplers:
        """Of so many frames at once."""
        if hop not in self._samplers:
            make = partial(make_stream_sampler, hop=hop)
            self._samplers[hop] = Samplers(self._checkpoint, self._params, f"stream-{hop}", make, self._exports)
        return self._samplers[hop]
