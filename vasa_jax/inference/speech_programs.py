"""From speech to motion, compiled: the speech encoder and the sampler of each way to sample that was asked for.

Speech is padded to a bucket, and motion is sampled in segments of SEGMENT_WINDOWS windows that hand their state on, so
that another length, seed or control runs the same programs again.
"""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.inference.blinks import Lids, set_blinks
from vasa_jax.inference.controls import Controls, check_fast
from vasa_jax.motion import Sampling, make_sampler
from vasa_jax.types import SAMPLES_PER_FRAME

SEGMENT_WINDOWS = 4

Progress = Callable[[str, int, int], None]


class SpeechPrograms:
    """The speech encoder and the motion models of a checkpoint with their weights.

    F is the size of a speech feature, M that of a motion vector.

    Args:
      checkpoint: config, statistics and networks.
      params: {"motion", "speech"} and maybe "student", on the device.
    """

    def __init__(self, checkpoint: Checkpoint, params: Any):
        self._checkpoint, self._params = checkpoint, params
        self._samplers: dict[tuple[str, Sampling], Callable] = {}

    def check(self, controls: Controls) -> None:
        """UserError where these weights cannot do what the controls ask."""
        self._sampler(controls)
        self._lids(controls)

    def hear(self, audio: np.ndarray) -> np.ndarray:
        """Features (1, T', F) of 16 kHz audio and of silence after it, up to a whole number of segments."""
        segment = SEGMENT_WINDOWS * self._window * SAMPLES_PER_FRAME
        segments = -(-len(audio) // segment)
        bucket = 1 << (segments - 1).bit_length()
        padded = np.pad(audio, (0, bucket * segment - len(audio)))
        return np.asarray(self._listen(self._params["speech"], padded[None]))

    def sample(self, features: np.ndarray, frames: int, controls: Controls, progress: Progress) -> np.ndarray:
        """Standardised motion (frames, M), segment after segment; `progress` counts windows."""
        lids, sample = self._lids(controls), self._sampler(controls)
        segment, windows = SEGMENT_WINDOWS * self._window, -(-frames // self._window)
        given = {**controls.arrays(self._checkpoint.mean_distance), "guidance": controls.guidance}
        key, state, motions = jax.random.key(np.uint32(controls.seed)), None, []
        progress("sample", 0, windows)
        for start in range(0, frames, segment):
            valid = np.array([min(frames - start, segment)], np.int32)
            motion, state = sample(features[:, start : start + segment], valid, **given, key=key, state=state)
            motions.append(np.asarray(motion[0]))
            progress("sample", min((start + segment) // self._window, windows), windows)
        motion = np.concatenate(motions)[:frames]
        return motion if lids is None else set_blinks(motion, lids, controls.blinks, controls.seed)

    @property
    def _window(self) -> int:
        return self._checkpoint.models.motion.window

    def _lids(self, controls: Controls) -> Lids | None:
        """What blinks are set by, None if they are not; UserError where the weights do not know it."""
        return None if controls.blinks is None else Lids.of(self._checkpoint.config["statistics"])

    def _sampler(self, controls: Controls) -> Callable:
        """`make_sampler`'s function with the weights in it; network and sampling are part of the program, and each that
        was asked for is kept.

        Raises:
          UserError: see `controls.check_fast`.
        """
        room, sampling = "motion", Sampling(controls.steps, controls.sampler, controls.eta)
        if controls.fast:
            student = self._checkpoint.config.get("student")
            check_fast(student, controls)
            room, sampling = "student", Sampling(student["steps"])
        if (room, sampling) not in self._samplers:
            sample = make_sampler(getattr(self._checkpoint.models, room), sampling=sampling, windows=SEGMENT_WINDOWS)
            self._samplers[room, sampling] = partial(sample, {"params": self._params[room]})
        return self._samplers[room, sampling]

    @cached_property
    def _listen(self) -> Callable:
        speech = self._checkpoint.models.speech
        return jax.jit(lambda params, audio: speech.apply({"params": params}, audio))
