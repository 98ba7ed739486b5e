"""Stage 2, speech to motion: the diffusion transformer, its conditions, its diffusion and its sampler."""

from vasa_jax.motion.build import build_motion
from vasa_jax.motion.clip import GUIDANCE, make_sampler, sample_clip
from vasa_jax.motion.continuity import ClipState, Wishes, initial_state
from vasa_jax.motion.diffusion import Schedule, cosine_schedule
from vasa_jax.motion.sampler import Begun, sample_window
from vasa_jax.motion.solvers import Sampling
from vasa_jax.motion.statistics import Statistics
from vasa_jax.motion.stream import make_stream_sampler
from vasa_jax.motion.transformer import MotionTransformer

__all__ = [
    "GUIDANCE",
    "Begun",
    "ClipState",
    "MotionTransformer",
    "Sampling",
    "Schedule",
    "Statistics",
    "Wishes",
    "build_motion",
    "cosine_schedule",
    "initial_state",
    "make_sampler",
    "make_stream_sampler",
    "sample_clip",
    "sample_window",
]
