"""The speech encoder compiled: a whole clip at once, or, of an encoder that streams, a stretch after what it heard."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import numpy as np

from vasa_jax.inference.exports import NO_EXPORTS, Exports, Program
from vasa_jax.speech import SpeechEncoder, StreamingSpeechEncoder
from vasa_jax.types import FPS, SAMPLES_PER_FRAME


class Ear:
    """A speech encoder with its weights. What one that streams still hears of the past is its state, (1, context).

    F is the size of a feature.

    Args:
      exports: programs that need not be traced.
    """

    def __init__(self, speech: SpeechEncoder, params: Any, exports: Exports = NO_EXPORTS):
        self._speech, self._params, self._exports = speech, params, exports

    @property
    def can_stream(self) -> bool:
        """Whether it hears a clip bit by bit; others have to hear it to its end."""
        return isinstance(self._speech, StreamingSpeechEncoder)

    @property
    def feature_size(self) -> int:
        """F."""
        return self._speech.feature_size

    @property
    def look_ahead(self) -> int:
        """Frames after a frame whose sound its features hear, of an encoder that streams."""
        return round(self._speech.look_ahead * FPS)

    def program(self, frames: int) -> Program:
        """That of `go_on` for so many frames."""
        sound = np.zeros((1, frames * SAMPLES_PER_FRAME), np.float32)
        return Program(_name(frames), self._go_on, (self._params, self.beginning(sound[0, :0]), sound))

    def beginning(self, sound: np.ndarray) -> np.ndarray:
        """The state of one that has heard silence and then this sound (n,), for which no features are wanted."""
        context = self._speech.context
        return np.concatenate([np.zeros(context, np.float32), sound])[None, -context:]

    def go_on(self, state: jax.Array | np.ndarray, sound: np.ndarray) -> tuple[jax.Array, jax.Array]:
        """The state after n frames more of sound (640 n,), and the features (1, n, F) of n frames, `look_ahead` ago."""
        run = self._exports.get(_name(len(sound) // SAMPLES_PER_FRAME)) or self._go_on
        return run(self._params, state, sound[None])

    def forget(self, state: jax.Array | np.ndarray) -> np.ndarray:
        """The same state, for which the sound whose features are still to come was silence."""
        state = np.array(state)
        state[:, state.shape[1] - self.look_ahead * SAMPLES_PER_FRAME :] = 0
        return state

    def hear_all(self, sound: np.ndarray) -> jax.Array:
        """Features (1, T, F) of a whole clip (640 T,)."""
        return self._whole(self._params, sound[None])

    @cached_property
    def _go_on(self) -> Callable:
        def go_on(params: Any, state: jax.Array, sound: jax.Array) -> tuple[jax.Array, jax.Array]:
            return self._speech.apply({"params": params}, state, sound, method="stream")

        return jax.jit(go_on)

    @cached_property
    def _whole(self) -> Callable:
        return jax.jit(lambda params, sound: self._speech.apply({"params": params}, sound))


def _name(frames: int) -> str:
    return f"hear-{frames}"
