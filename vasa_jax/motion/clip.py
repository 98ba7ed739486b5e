"""Motion of a clip: windows one after the other, each going on from the last frames of the one before.

The scan has fixed shapes. What differs from clip to clip (speech, length, controls, guidance scales, key) is
a traced value, so that a new clip runs the old program.
"""

from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from vasa_jax.motion.guidance import Guidance
from vasa_jax.motion.sampler import MotionModel, sample_window
from vasa_jax.motion.solvers import Sampling
from vasa_jax.motion.statistics import AnyArray
from vasa_jax.types import Conditions

GUIDANCE = {"audio": 0.5, "gaze": 1.0}  # VASA-1, section 4.1


@flax.struct.dataclass
class ClipState:
    """What a window hands to the next.

    Attributes:
      motion: (B, K, M) its last K frames, standardised.
      audio: (B, K, F) their audio features.
      has_previous: (B,) bool, False before the first window.
      index: () int32, windows done since the clip began; the noise of a window depends on it and the clip's
        key.
    """

    motion: Array
    audio: Array
    has_previous: Array
    index: Array


def initial_state(model: MotionModel, batch: int, feature_size: int) -> ClipState:
    """The state before a clip's first window."""
    return ClipState(
        motion=jnp.zeros((batch, model.history, model.motion_size)),
        audio=jnp.zeros((batch, model.history, feature_size)),
        has_previous=jnp.zeros(batch, bool),
        index=jnp.zeros((), jnp.int32),
    )


def sample_clip(
    model: MotionModel,
    variables: Any,
    audio_features: Float[Array, "batch frames feature"],
    valid_frames: Int[Array, " batch"],
    gaze: Float[Array, "batch 2"],
    distance: Float[Array, "batch 1"],
    emotion: Float[Array, "batch emotions"],
    key: Array,
    *,
    sampling: Sampling,
    guidance: Guidance,
    state: ClipState | None = None,
) -> tuple[Float[Array, "batch frames motion"], ClipState]:
    """Standardised motion of a clip, or of one segment of it, window after window.

    Two segments chained by `state`, with the same key, give what one of both lengths together gives.

    Args:
      audio_features: (B, N W, F), zeros after the clip's end.
      valid_frames: (B,) frames of speech in `audio_features`; what lies beyond is not heard, and windows that
        begin beyond the longest are not computed. All but a clip's last segment must be full.
      gaze: main gaze direction, yaw and pitch in radians in the camera's frame.
      distance: head distance, 1 at the reference.
      emotion: strengths in [0, 1].
      sampling, guidance: see `sampler.sample_window`.
      state: what the segment before gave; None at the beginning.

    Returns:
      (B, N W, M) motion, of which frames from `valid_frames` on are to be thrown away, and the state for the
      next segment.

    Raises:
      ValueError: the frames are not a whole number of windows.
    """
    batch, frames, feature_size = audio_features.shape
    if frames % model.window:
        raise ValueError(f"{frames} frames are not a whole number of windows of {model.window}")
    state = initial_state(model, batch, feature_size) if state is None else state
    windows = audio_features.reshape(batch, -1, model.window, feature_size).swapaxes(0, 1)
    starts = jnp.arange(windows.shape[0]) * model.window
    present = jnp.ones(batch, bool)

    def compute(state: ClipState, audio: Array, left: Array) -> tuple[ClipState, Array]:
        heard = jnp.clip(left, 0, model.window)
        conditions = Conditions(
            state.motion, state.audio, audio, heard, gaze, distance, emotion,
            has_previous=state.has_previous, has_audio=present, has_gaze=present,
            has_distance=present, has_emotion=present,
        )  # fmt: skip
        window_key = jax.random.fold_in(key, state.index)
        motion = sample_window(model, variables, conditions, window_key, sampling=sampling, guidance=guidance)
        return _following(state, motion, audio), motion

    def skip(state: ClipState, audio: Array, left: Array) -> tuple[ClipState, Array]:
        return state, jnp.zeros((batch, model.window, model.motion_size))

    def one(state: ClipState, item: tuple[Array, Array]) -> tuple[ClipState, Array]:
        audio, start = item
        left = valid_frames - start
        return jax.lax.cond((left > 0).any(), compute, skip, state, audio, left)

    state, motions = jax.lax.scan(one, state, (windows, starts))
    return motions.swapaxes(0, 1).reshape(batch, frames, model.motion_size), state


def _following(state: ClipState, motion: Array, audio: Array) -> ClipState:
    first = motion.shape[1] - state.motion.shape[1]
    return ClipState(motion[:, first:], audio[:, first:], jnp.ones_like(state.has_previous), state.index + 1)


def make_sampler(model: MotionModel, *, sampling: Sampling, windows: int) -> Callable[..., tuple[Array, ClipState]]:
    """`sample_clip` for up to `windows` windows a call, compiled once a batch size and set of guided names.

    Returns:
      A function (variables, audio_features (B, T, F), valid_frames, gaze, distance, emotion, key,
      guidance=GUIDANCE, state=None) -> (motion (B, windows W, M), state), where T is at most windows W and
      may change from call to call. Its attribute `program` is the jitted function below it.
    """
    frames = windows * model.window

    @jax.jit
    def program(variables, audio_features, valid_frames, gaze, distance, emotion, key, guidance, state):
        return sample_clip(
            model, variables, audio_features, valid_frames, gaze, distance, emotion, key,
            sampling=sampling, guidance=guidance, state=state,
        )  # fmt: skip

    def sample(
        variables: Any,
        audio_features: Float[AnyArray, "batch given feature"],
        valid_frames: Int[AnyArray, " batch"],
        gaze: Float[AnyArray, "batch 2"],
        distance: Float[AnyArray, "batch 1"],
        emotion: Float[AnyArray, "batch emotions"],
        key: Array,
        guidance: Guidance = GUIDANCE,
        state: ClipState | None = None,
    ) -> tuple[Array, ClipState]:
        batch, given, feature_size = audio_features.shape
        if given > frames:
            raise ValueError(f"{given} frames are more than a segment's {frames}: chain segments by `state`")
        # On the host: padding on the device would compile once for every length.
        audio_features = np.pad(np.asarray(audio_features), ((0, 0), (0, frames - given), (0, 0)))
        controls = [np.asarray(x, np.float32) for x in (gaze, distance, emotion)]
        scales = {name: jnp.float32(scale) for name, scale in guidance.items()}
        state = initial_state(model, batch, feature_size) if state is None else state
        return program(
            variables, audio_features, np.asarray(valid_frames, np.int32), *controls, key, scales, state
        )

    sample.program = program
    return sample
