"""From speech to motion, compiled: the speech encoder and the sampler of each way to sample that was asked for.

Speech is heard and motion is sampled in segments of SEGMENT_WINDOWS windows that hand their state on, so that another
length, seed or control runs the same programs again, and a longer clip needs no more memory. An encoder that hears a
clip as a whole is given all of it, padded to a bucket.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.inference.blinks import Lids, set_blinks
from vasa_jax.inference.controls import Controls, check_fast
from vasa_jax.inference.exports import NO_EXPORTS, Exports, Program
from vasa_jax.inference.performance import Progress
from vasa_jax.inference.sound import Sound, Supply
from vasa_jax.motion import GUIDANCE, Sampling, initial_state, make_sampler
from vasa_jax.speech import StreamingSpeechEncoder
from vasa_jax.types import SAMPLES_PER_FRAME

SEGMENT_WINDOWS = 4
HEAR = "hear"  # the name of its program


class SpeechPrograms:
    """The speech encoder and the motion models of a checkpoint with their weights.

    F is the size of a speech feature, M that of a motion vector.

    Args:
      checkpoint: config, statistics and networks.
      params: {"motion", "speech"} and maybe "student", on the device.
      exports: programs that need not be traced.
    """

    def __init__(self, checkpoint: Checkpoint, params: Any, exports: Exports = NO_EXPORTS):
        self._checkpoint, self._params, self._exports = checkpoint, params, exports
        self._samplers: dict[tuple[str, Sampling], Callable] = {}

    def check(self, controls: Controls) -> None:
        """UserError where these weights cannot do what the controls ask."""
        self._sampler(controls)
        self._lids(controls)

    def programs(self) -> Iterator[Program]:
        """Those that a clip with the default controls runs, and the few-step student's."""
        speech, motion = self._checkpoint.models.speech, self._checkpoint.models.motion
        frames = SEGMENT_WINDOWS * self._window
        if isinstance(speech, StreamingSpeechEncoder):
            sound = (np.zeros((1, size), np.float32) for size in (speech.context, frames * SAMPLES_PER_FRAME))
            yield Program(HEAR, self._go_on, (self._params["speech"], *sound))
        features = np.zeros((1, frames, speech.feature_size), np.float32)
        state = initial_state(motion, 1, speech.feature_size)
        for controls in (Controls(), *((Controls(fast=True),) if "student" in self._params else ())):
            given = controls.arrays(self._checkpoint.mean_distance)
            scales = {name: np.float32(scale) for name, scale in GUIDANCE.items()}
            room, sampling = way_of(self._checkpoint, controls)
            args = features, np.zeros(1, np.int32), *given.values(), jax.random.key(0), scales, state
            run = self._sampler(controls).func.program
            yield Program(sampler_name("sample", room, sampling), run, ({"params": self._params[room]}, *args))

    def hear(self, sound: Sound) -> Iterator[np.ndarray]:
        """Features (1, segment, F) of a clip, segment after segment; those behind its end are of silence."""
        heard, segment = Supply(sound.heard()), SEGMENT_WINDOWS * self._window
        segments, speech = -(-sound.frames // segment), self._checkpoint.models.speech
        if not isinstance(speech, StreamingSpeechEncoder):  # which hears a clip as a whole
            bucket = 1 << (segments - 1).bit_length()
            audio = heard.take(bucket * segment * SAMPLES_PER_FRAME)
            features = np.asarray(self._listen(self._params["speech"], audio[None]))
            yield from (features[:, start : start + segment] for start in range(0, segments * segment, segment))
            return
        ahead = speech.look_ahead_frames * SAMPLES_PER_FRAME
        ear = np.concatenate([np.zeros(speech.context - ahead, np.float32), heard.take(ahead)])[None]
        for _ in range(segments):
            ear, features = self._go_on(self._params["speech"], ear, heard.take(segment * SAMPLES_PER_FRAME)[None])
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

    def _lids(self, controls: Controls) -> Lids | None:
        """What blinks are set by, None if they are not; UserError where the weights do not know it."""
        return None if controls.blinks is None else Lids.of(self._checkpoint.config["statistics"])

    def _sampler(self, controls: Controls) -> Callable:
        """`make_sampler`'s function with the weights in it; network and sampling are part of the program, and each that
        was asked for is kept.

        Raises:
          UserError: see `controls.check_fast`.
        """
        room, sampling = way_of(self._checkpoint, controls)
        if (room, sampling) not in self._samplers:
            model = getattr(self._checkpoint.models, room)
            ready = self._exports.get(sampler_name("sample", room, sampling))
            sample = make_sampler(model, sampling=sampling, windows=SEGMENT_WINDOWS, ready=ready)
            self._samplers[room, sampling] = partial(sample, {"params": self._params[room]})
        return self._samplers[room, sampling]

    @cached_property
    def _listen(self) -> Callable:
        speech = self._checkpoint.models.speech
        return jax.jit(lambda params, audio: speech.apply({"params": params}, audio))

    @cached_property
    def _go_on(self) -> Callable:
        speech = self._checkpoint.models.speech
        return self._exports.get(HEAR) or jax.jit(
            lambda params, ear, audio: speech.apply({"params": params}, ear, audio, method="stream")
        )


def sampler_name(kind: str, room: str, sampling: Sampling) -> str:
    """Of a program that samples so, for `exports`."""
    return f"{kind}-{room}-{sampling.steps}-{sampling.sampler}-{sampling.eta:g}"


def way_of(checkpoint: Checkpoint, controls: Controls) -> tuple[str, Sampling]:
    """The room of the motion model that the controls ask for, and how it samples.

    Raises:
      UserError: see `controls.check_fast`.
    """
    if not controls.fast:
        return "motion", Sampling(controls.steps, controls.sampler, controls.eta)
    student = checkpoint.config.get("student")
    check_fast(student, controls)
    return "student", Sampling(student["steps"])
