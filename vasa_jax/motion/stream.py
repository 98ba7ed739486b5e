"""Motion of a stream: the windows are those of the clip with the same speech, each sampled anew as more of it is heard.

What of a window has been shown stands, and has in each sample the noise that it began as. So a sample and the next one
agree as far as what was heard in between does not matter, and the last one, which has heard the whole window, goes on
from the frames before it as the clip does.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from vasa_jax.motion.clip import GUIDANCE
from vasa_jax.motion.continuity import ClipState, Wishes, go_on
from vasa_jax.motion.guidance import Guidance
from vasa_jax.motion.sampler import Begun, MotionModel
from vasa_jax.motion.solvers import Sampling
from vasa_jax.motion.statistics import AnyArray


def make_stream_sampler(
    model: MotionModel, *, sampling: Sampling, ready: Callable | None = None
) -> Callable[..., tuple[Float[Array, "batch window motion"], ClipState]]:
    """The window at hand of B streams, compiled once a batch size and set of guided names.

    Args:
      ready: its program for one stream under the names of GUIDANCE, traced before; None to trace that here too.

    Returns:
      A function (variables, audio_features (B, W, F), heard (B,), begun, wishes, key, guidance, state) -> (standardised
      motion (B, W, M), state for the next window), where the first `heard` frames of speech are known and the state is
      what the window before gave; `continuity.initial_state` begins. Its attribute `program` is the jitted function
      below it.
    """

    @jax.jit
    def program(variables, audio_features, heard, begun, wishes, key, guidance, state):
        state, motion = go_on(
            model, variables, state, audio_features, heard, wishes, key,
            sampling=sampling, guidance=guidance, begun=begun,
        )  # fmt: skip
        return motion, state

    def sample(
        variables: Any,
        audio_features: Float[AnyArray, "batch window feature"],
        heard: Int[AnyArray, " batch"],
        begun: Begun,
        wishes: Wishes,
        key: Array,
        guidance: Guidance,
        state: ClipState,
    ) -> tuple[Array, ClipState]:
        scales = {name: np.float32(scale) for name, scale in guidance.items()}
        alone = audio_features.shape[0] == 1 and scales.keys() == GUIDANCE.keys()
        run = ready if ready is not None and alone else program
        return run(variables, audio_features, heard, begun, wishes, key, scales, state)

    sample.program = program
    return sample
