"""What streams run, compiled: the ear that hears a few frames more, and the sampler of the window at hand.

All streams of an animator share the programs: each has fixed shapes, and what differs is passed in.
"""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.errors import UserError
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.ear import Ear
from vasa_jax.inference.exports import NO_EXPORTS, Exports, Program
from vasa_jax.inference.planner import Planner
from vasa_jax.inference.samplers import Samplers, beginning
from vasa_jax.motion import Begun, ClipState, Wishes, make_stream_sampler

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
        self._checkpoint, self.ear = checkpoint, ear
        self._sampler = Samplers(checkpoint, params, "stream", make_stream_sampler, exports)

    def programs(self, hop: int) -> Iterator[Program]:
        """Those that a stream with the default controls runs; none where the weights cannot stream."""
        if not self.ear.can_stream:
            return
        yield self.ear.program(hop)
        controls, (window, motion, feature) = self.controls({}), self._sizes
        features, plan = (np.zeros((1, window, size), np.float32) for size in (feature, motion))
        begun = Begun(plan, np.int32(0))
        yield self._sampler.program(controls, features, np.ones(1, np.int32), begun, self.wishes(controls))

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

    def check(self, controls: Controls, hop: int, look_ahead: int) -> None:
        """UserError where these weights cannot do what is asked."""
        if not self.ear.can_stream:
            raise UserError("these weights cannot stream: their ear has to hear a clip to its end")
        window, *_ = self._sizes
        if not 1 <= hop <= window:
            raise UserError(f"a stream's hop has 1 to {window} frames, not {hop}")
        if not 0 <= look_ahead <= window or look_ahead % hop:
            raise UserError(f"a stream looks ahead by whole hops of {hop}, up to {window} frames, not by {look_ahead}")
        self._sampler(controls)

    def planner(self) -> Planner:
        """Of a stream that begins: no motion yet."""
        return Planner(self._sizes, beginning(self._checkpoint))

    def wishes(self, controls: Controls) -> Wishes:
        """Of one stream."""
        return Wishes(**controls.arrays(self._checkpoint.mean_distance))

    def move(self, planner: Planner, frames: int, controls: Controls, wishes: Wishes) -> np.ndarray:
        """Standardised motion (frames, M) of the next frames that are planned."""
        sampler, key = self._sampler(controls), jax.random.key(np.uint32(controls.seed))

        def sample(features: np.ndarray, heard: np.ndarray, begun: Begun, state: ClipState) -> Any:
            return sampler(features, heard, begun, wishes, key, controls.guidance, state)

        return planner.show(frames, sample)

    @property
    def _sizes(self) -> tuple[int, int, int]:
        """Of a window, a motion vector and a feature."""
        model = self._checkpoint.models.motion
        return model.window, model.motion_size, self.ear.feature_size
