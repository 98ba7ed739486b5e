"""What goes on from window to window of a clip: the last frames, and their speech."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from vasa_jax.motion.guidance import Guidance
from vasa_jax.motion.sampler import Begun, MotionModel, sample_window
from vasa_jax.motion.solvers import Sampling
from vasa_jax.types import Conditions, Leaf


@flax.struct.dataclass
class ClipState:
    """What a window hands to the next.

    Attributes:
      motion: (B, K, M) its last K frames, standardised.
      audio: (B, K, F) their audio features.
      has_previous: (B,) bool, False before the first window.
      frame: () int32, where the next window begins in the clip; its noise depends on it and the clip's key.
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
    begun: Begun | None = None,
) -> tuple[ClipState, Float[Array, "batch window motion"]]:
    """The next window of a clip, and the state after it.

    Args:
      audio: features of the window, of which the first `heard` frames are known.
      key: of the clip.
      begun: frames of it that stand, where it is not sampled for the first time.
    """
    batch = audio.shape[0]
    present = jnp.ones(batch, bool)
    conditions = Conditions(
        state.motion, state.audio, audio, heard, wishes.gaze, wishes.distance, wishes.emotion,
        has_previous=state.has_previous, has_audio=present, has_gaze=present,
        has_distance=present, has_emotion=present,
    )  # fmt: skip
    motion = sample_window(
        model, variables, conditions, jax.random.fold_in(key, state.frame // model.window),
        sampling=sampling, guidance=guidance, begun=begun,
    )  # fmt: skip
    return _following(state, motion, audio), motion


def _following(state: ClipState, motion: Array, audio: Array) -> ClipState:
    history, done = state.motion.shape[1], motion.shape[1]

    def last(before: Array, new: Array) -> Array:
        return jnp.concatenate([before, new], 1)[:, -history:]

    present = jnp.ones_like(state.has_previous)
    return ClipState(last(state.motion, motion), last(state.audio, audio), present, state.frame + done)
