"""What goes on from window to window of a clip: the last frames, their speech, and the noise of the frames to come."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from vasa_jax.motion.guidance import Guidance
from vasa_jax.motion.sampler import MotionModel, sample_window, window_noise
from vasa_jax.motion.solvers import Sampling
from vasa_jax.types import Conditions, Leaf


@flax.struct.dataclass
class ClipState:
    """What a window hands to the next.

    Attributes:
      motion: (B, K, M) its last K frames, standardised.
      audio: (B, K, F) their audio features.
      has_previous: (B,) bool, False before the first window.
      frame: () int32, frames done since the clip began; their noise depends on it and the clip's key.
    """

    motion: Leaf
    audio: Leaf
    has_previous: Leaf
    frame: Leaf


@flax.struct.dataclass
class Wishes:
    """What is asked for beside the speech, for each of B clips.

    Attributes:
      gaze: (B, 2) main gaze direction, yaw and pitch in radians in the camera's frame.
      distance: (B, 1) of the head, 1 at the reference.
      emotion: (B, E) strengths in [0, 1].
    """

    gaze: Leaf
    distance: Leaf
    emotion: Leaf


def initial_state(model: MotionModel, batch: int, feature_size: int) -> ClipState:
    """The state before a clip's first window."""
    return ClipState(
        motion=jnp.zeros((batch, model.history, model.motion_size)),
        audio=jnp.zeros((batch, model.history, feature_size)),
        has_previous=jnp.zeros(batch, bool),
        frame=jnp.zeros((), jnp.int32),
    )


def go_on(
    model: MotionModel,
    variables: Any,
    state: ClipState,
    audio: Float[Array, "batch window feature"],
    heard: Int[Array, " batch"],
    wishes: Wishes,
    key: Array,
    *,
    sampling: Sampling,
    guidance: Guidance,
    kept: int | None = None,
) -> tuple[ClipState, Float[Array, "batch kept motion"]]:
    """The next frames of a clip: a window is sampled, of which the first `kept` frames stand; None for all.

    Args:
      audio: features of the window, of which the first `heard` frames are known.
      key: of the clip.
    """
    kept, batch = model.window if kept is None else kept, audio.shape[0]
    present = jnp.ones(batch, bool)
    conditions = Conditions(
        state.motion, state.audio, audio, heard, wishes.gaze, wishes.distance, wishes.emotion,
        has_previous=state.has_previous, has_audio=present, has_gaze=present,
        has_distance=present, has_emotion=present,
    )  # fmt: skip
    noise = noise_from(key, state.frame, (batch, model.window, model.motion_size))
    motion = sample_window(
        model, variables, conditions, jax.random.fold_in(key, state.frame // model.window),
        sampling=sampling, guidance=guidance, noise=noise,
    )[:, :kept]  # fmt: skip
    return _following(state, motion, audio[:, :kept]), motion


def noise_from(key: Array, frame: Array, shape: tuple[int, int, int]) -> Float[Array, "batch window motion"]:
    """The noise of a window that begins at `frame`: every frame of a clip has its own, whichever window it is in."""
    first, window = frame // shape[1], shape[1]
    drawn = [window_noise(jax.random.fold_in(key, block), shape) for block in (first, first + 1)]
    return jax.lax.dynamic_slice_in_dim(jnp.concatenate(drawn, 1), frame % window, window, 1)


def _following(state: ClipState, motion: Array, audio: Array) -> ClipState:
    history, done = state.motion.shape[1], motion.shape[1]

    def last(before: Array, new: Array) -> Array:
        return jnp.concatenate([before, new], 1)[:, -history:]

    present = jnp.ones_like(state.has_previous)
    return ClipState(last(state.motion, motion), last(state.audio, audio), present, state.frame + done)
