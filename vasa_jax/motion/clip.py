"""Motion of a clip: windows one after the other, each going on from the last frames of the one before.

The scan has fixed shapes. What differs from clip to clip (speech, length, controls, guidance scales, key) is
a traced value, so that a new clip runs the old program.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from vasa_jax.motion.continuity import ClipState, Wishes, go_on, initial_state
from vasa_jax.motion.guidance import Guidance
from vasa_jax.motion.sampler import MotionModel
from vasa_jax.motion.solvers import Sampling
from vasa_jax.motion.statistics import AnyArray

GUIDANCE = {"audio": 0.5, "gaze": 1.0}  # VASA-1, section 4.1


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
    wishes = Wishes(gaze, distance, emotion)

    def compute(state: ClipState, audio: Array, left: Array) -> tuple[ClipState, Array]:
        heard = jnp.clip(left, 0, model.window)
        return go_on(model, variables, state, audio, heard, wishes, key, sampling=sampling, guidance=guidance)

    def skip(state: ClipState, audio: Array, left: Array) -> tuple[ClipState, Array]:
        return state, jnp.zeros((batch, model.window, model.motion_size))

    def one(state: ClipState, item: tuple[Array, Array]) -> tuple[ClipState, Array]:
        audio, start = item
        left = valid_frames - start
        return jax.lax.cond((left > 0).any(), compute, skip, state, audio, left)

    state, motions = jax.lax.scan(one, state, (windows, starts))
    return motions.swapaxes(0, 1).reshape(batch, frames, model.motion_size), state


def make_sampler(
    model: MotionModel, *, sampling: Sampling, windows: int, ready: Callable | None = None
) -> Callable[..., tuple[Array, ClipState]]:
    """`sample_clip` for up to `windows` windows a call, compiled once a batch size and set of guided names.

    Args:
      ready: its program for one clip under the names of GUIDANCE, traced before; None to trace that here too.

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
        run = ready if ready is not None and batch == 1 and scales.keys() == GUIDANCE.keys() else program
        return run(variables, audio_features, np.asarray(valid_frames, np.int32), *controls, key, scales, state)

    sample.program = program
    return sample
