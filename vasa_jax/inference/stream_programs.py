"""What streams run, compiled: the ear that hears a few frames more, and the sampler of the next frames.

All streams of an animator share the programs: each has fixed shapes, and what differs is passed in.
"""

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.errors import UserError
from vasa_jax.inference.controls import Controls
from vasa_jax.inference.exports import NO_EXPORTS, Exports, Program
from vasa_jax.inference.speech_programs import sampler_name, way_of
from vasa_jax.motion import GUIDANCE, Sampling, Wishes, initial_state, make_stream_sampler
from vasa_jax.motion.continuity import ClipState
from vasa_jax.speech import StreamingSpeechEncoder
from vasa_jax.types import FPS, SAMPLES_PER_FRAME

USUAL = {"steps": 10, "sampler": "dpm"}  # where nothing is said: the paper's fifty are for those who can wait


class StreamPrograms:
    """The speech encoder and the motion models of a checkpoint with their weights, for streams.

    Args:
      checkpoint: config, statistics and networks.
      params: {"motion", "speech"} and maybe "student", on the device.
      exports: programs that need not be traced.
    """

    def __init__(self, checkpoint: Checkpoint, params: Any, exports: Exports = NO_EXPORTS):
        self._checkpoint, self._params, self._exports = checkpoint, params, exports
        self._samplers: dict[tuple[str, Sampling, int], Callable] = {}

    def programs(self, hop: int) -> Iterator[Program]:
        """Those that a stream with the default controls runs; none where the weights cannot stream."""
        speech, motion = self._checkpoint.models.speech, self._checkpoint.models.motion
        if not isinstance(speech, StreamingSpeechEncoder):
            return
        sound = np.zeros((1, hop * SAMPLES_PER_FRAME), np.float32)
        ear, state = self.beginning(sound[0, :0])
        yield Program(f"listen-{hop}", self._listen, (self._params["speech"], ear, sound))
        controls, scales = self.controls({}), {name: np.float32(scale) for name, scale in GUIDANCE.items()}
        room, sampling = way_of(self._checkpoint, controls)
        features = np.zeros((1, hop, motion.feature_size), np.float32)
        args = features, self.wishes(controls), jax.random.key(0), scales, state
        run = self._sampler(controls, hop).func.program
        yield Program(sampler_name(f"stream-{hop}", room, sampling), run, ({"params": self._params[room]}, *args))

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
        if not isinstance(self._checkpoint.models.speech, StreamingSpeechEncoder):
            raise UserError("these weights cannot stream: their ear has to hear a clip to its end")
        window = self._checkpoint.models.motion.window
        if not 1 <= hop <= window:
            raise UserError(f"a stream's hop has 1 to {window} frames, not {hop}")
        self._sampler(controls, hop)

    @property
    def look_ahead(self) -> int:
        """Frames after a frame whose sound its features hear."""
        return round(self._checkpoint.models.speech.look_ahead * FPS)

    def beginning(self, heard: np.ndarray) -> tuple[np.ndarray, ClipState]:
        """The ear that has heard silence and then the first `look_ahead` frames of sound, and no motion yet."""
        speech, motion = self._checkpoint.models.speech, self._checkpoint.models.motion
        ear = np.concatenate([np.zeros(speech.context, np.float32), heard])[-speech.context :]
        return ear[None], initial_state(motion, 1, speech.feature_size)

    def wishes(self, controls: Controls) -> Wishes:
        """Of one stream."""
        return Wishes(**controls.arrays(self._checkpoint.mean_distance))

    def hear(self, ear: jax.Array | np.ndarray, sound: np.ndarray) -> tuple[jax.Array, jax.Array]:
        """The ear after n frames more of sound (640 n,), and the features (1, n, F) of n frames, `look_ahead` ago."""
        listen = self._exports.get(f"listen-{len(sound) // SAMPLES_PER_FRAME}") or self._listen
        return listen(self._params["speech"], ear, sound[None])

    def move(
        self, features: jax.Array, controls: Controls, wishes: Wishes, state: ClipState
    ) -> tuple[np.ndarray, ClipState]:
        """Standardised motion (hop, M) of the frames with these features (1, hop, F)."""
        sample = self._sampler(controls, features.shape[1])
        key = jax.random.key(np.uint32(controls.seed))
        motion, state = sample(features, wishes, key, controls.guidance, state)
        return np.asarray(motion[0]), state

    def forget(self, ear: jax.Array | np.ndarray) -> np.ndarray:
        """The same ear, for which the sound that no frame has shown yet was silence."""
        ear = np.array(ear)
        ear[:, ear.shape[1] - self.look_ahead * SAMPLES_PER_FRAME :] = 0
        return ear

    def _sampler(self, controls: Controls, hop: int) -> Callable:
        """`make_stream_sampler`'s function with the weights in it.

        Raises:
          UserError: see `controls.check_fast`.
        """
        room, sampling = way_of(self._checkpoint, controls)
        if (room, sampling, hop) not in self._samplers:
            ready = self._exports.get(sampler_name(f"stream-{hop}", room, sampling))
            model = getattr(self._checkpoint.models, room)
            sample = make_stream_sampler(model, sampling=sampling, hop=hop, ready=ready)
            self._samplers[room, sampling, hop] = partial(sample, {"params": self._params[room]})
        return self._samplers[room, sampling, hop]

    @cached_property
    def _listen(self) -> Callable:
        speech = self._checkpoint.models.speech
        return jax.jit(lambda params, ear, sound: speech.apply({"params": params}, ear, sound, method="stream"))
