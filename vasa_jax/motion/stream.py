"""Motion of a stream: a few frames at a time, as their speech arrives.

The window that is sampled reaches on into speech that nobody has said yet; its first frames stand, and what lies
behind them is sampled again when more was heard. A frame has the noise that it has in a clip with the same key, so
that a plan and the next one agree as far as what was heard in between does not matter.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from vasa_jax.motion.clip import GUIDANCE
from vasa_jax.motion.continuity import ClipState, Wishes, go_on
from vasa_jax.motion.guidance import Guidance
from vasa_jax.motion.sampler import MotionModel
from vasa_jax.motion.solvers import Sampling
from vasa_jax.motion.statistics import AnyArray


def make_stream_sampler(
    model: MotionModel, *, sampling: Sampling, hop: int, ready: Callable | None = None
) -> Callable[..., tuple[Float[Array, "batch hop motion"], ClipState]]:
    """The next `hop` frames of B streams, compiled once a batch size and set of guided names.

    Args:
      hop: frames, from 1 to the model's window.
      ready: its program for one stream under the names of GUIDANCE, traced before; None to trace that here too.

    Returns:
      A function (variables, audio_features (B, hop, F), wishes, key, guidance, state) -> (standardised motion
      (B, hop, M), state for the next); `continuity.initial_state` begins. Its attribute `program` is the jitted
      function below it.

    Raises:
      ValueError: no such hop.
    """
    if not 1 <= hop <= model.window:
        raise ValueError(f"a hop has 1 to {model.window} frames, not {hop}")

    @jax.jit
    def program(variables, audio_features, wishes, key, guidance, state):
        batch = audio_features.shape[0]
        audio = jnp.pad(audio_features, ((0, 0), (0, model.window - hop), (0, 0)))
        state, motion = go_on(
            model, variables, state, audio, jnp.full(batch, hop, jnp.int32), wishes, key,
            sampling=sampling, guidance=guidance, kept=hop,
        )  # fmt: skip
        return motion, state

    def sample(
        variables: Any,
        audio_features: Float[AnyArray, "batch hop feature"],
        wishes: Wishes,
        key: Array,
        guidance: Guidance,
        state: ClipState,
    ) -> tuple[Array, ClipState]:
        scales = {name: np.float32(scale) for name, scale in guidance.items()}
        alone = audio_features.shape[0] == 1 and scales.keys() == GUIDANCE.keys()
        run = ready if ready is not None and alone else program
        return run(variables, audio_features, wishes, key, scales, state)

    sample.program = program
    return sample
