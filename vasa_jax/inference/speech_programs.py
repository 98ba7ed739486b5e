"""From speech to motion, compiled: the speech encoder and the sampler of each way to sample that was asked for.

Speech is heard and motion is sampled in segments of SEGMENT_WINDOWS windows that hand their state on, so that another
length, seed or control runs the same programs again, and a longer clip needs no more memory. An encoder that hears a
clip as a whole is given all of it, padded to a bucket.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.inference.blinks import Lids, set_blinks
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.ear import Ear
from vasa_jax.inference.exports import NO_EXPORTS, Exports, Program
from vasa_jax.inference.performance import Progress
from vasa_jax.inference.samplers import Samplers
from vasa_jax.inference.sound import Sound, Supply
from vasa_jax.motion import make_sampler
from vasa_jax.types import SAMPLES_PER_FRAME

SEGMENT_WINDOWS = 4


class SpeechPrograms:
    """The motion models of a checkpoint with their weights, and its ear.

    F is the size of a speech feature, M that of a motion vector.

    Args:
      checkpoint: config, statistics and networks.
      params: {"motion"} and maybe "student", on the device.
      ear: the speech encoder.
      exports: programs that need not be traced.
    """

    def __init__(self, checkpoint: Checkpoint, params: Any, ear: Ear, exports: Exports = NO_EXPORTS):
        self._checkpoint, self._params, self._ear = checkpoint, params, ear
        make = partial(make_sampler, windows=SEGMENT_WINDOWS)
        self._sampler = Samplers(checkpoint, params, "sample", make, exports)

    def check(self, controls: Controls) -> None:
        """UserError where these weights cannot do what the controls ask."""
        self._sampler(controls)
        self._lids(controls)

    def programs(self) -> Iterator[Program]:
        """Those that a clip with the default controls runs, and the few-step student's."""
        if self._ear.can_stream:
            yield self._ear.program(self._segment)
        features = np.zeros((1, self._segment, self._ear.feature_size), np.float32)
        for controls in (Controls(), *((Controls(fast=True),) if "student" in self._params else ())):
            given = controls.arrays(self._checkpoint.mean_distance)
            yield self._sampler.program(controls, features, np.zeros(1, np.int32), *given.values())

    def hear(self, sound: Sound) -> Iterator[np.ndarray]:
        """Features (1, segment, F) of a clip, segment after segment; those behind its end are of silence."""
        heard, segment = Supply(sound.heard()), self._segment
        segments = -(-sound.frames // segment)
        if not self._ear.can_stream:
            bucket = 1 << (segments - 1).bit_length()
            features = np.asarray(self._ear.hear_all(heard.take(bucket * segment * SAMPLES_PER_FRAME)))
            yield from (features[:, start : start + segment] for start in range(0, segments * segment, segment))
            return
        state = self._ear.beginning(heard.take(self._ear.look_ahead * SAMPLES_PER_FRAME))
        for _ in range(segments):
            state, features = self._ear.go_on(state, heard.take(segment * SAMPLES_PER_FRAME))
            yield np.asarray(features)

    def sample(
        self, features: Iterable[np.ndarray], frames: int, controls: Controls, progress: Progress
    ) -> Iterator[np.ndarray]:
        """Standardised motion (n, M), `frames` in all, about a segment at a time; `progress` counts windows."""
        lids = self._lids(controls)
        motions = self._sample(features, frames, controls, progress)
        return motions if lids is None else set_blinks(motions, lids, controls.blinks, controls.seed, frames)

    def _sample(
        self, features: Iterable[np.ndarray], frames: int, controls: Controls, progress: Progress
    ) -> Iterator[np.ndarray]:
        """As it is sampled; a segment's state is handed to the next."""
        sample, windows = self._sampler(controls), -(-frames // self._window)
        given = {**controls.arrays(self._checkpoint.mean_distance), "guidance": controls.guidance}
        key, state, done = jax.random.key(np.uint32(controls.seed)), None, 0
        progress("sample", 0, windows)
        for heard in features:
            valid = min(frames - done, heard.shape[1])
            motion, state = sample(heard, np.array([valid], np.int32), **given, key=key, state=state)
            motion, done = np.asarray(motion[0])[:valid], done + valid
            progress("sample", -(-done // self._window), windows)
            yield motion

    @property
    def _window(self) -> int:
        return self._checkpoint.models.motion.window

    @property
    def _segment(self) -> int:
        """Frames that are heard and sampled at once."""
        return SEGMENT_WINDOWS * self._window

    def _lids(self, controls: Controls) -> Lids | None:
        """What blinks are set by, None if they are not; UserError where the weights do not know it."""
        return None if controls.blinks is None else Lids.of(self._checkpoint.config["statistics"])
