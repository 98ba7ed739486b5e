"""JoyVASA's generator as a motion model: what the sampler asks of a network, under our conditions.

Its schedule of 500 steps is ours of 1000 read at every second one (both are "Improved DDPM"'s cosine), so our step t is
its step (t + 1) / 2, and its own sampling is ours of 500 steps with an eta of 1. Guidance by a scale of s there is a
guidance of s - 1 in VASA-1's form. Gaze, distance and emotion are not among its conditions; they change nothing.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vasa_jax.motion.diffusion import STEPS
from vasa_jax.open_weights.joyvasa.denoiser import Denoiser
from vasa_jax.types import Conditions


class JoyMotion(nn.Module):
    """The published sizes are the defaults.

    Attributes:
      motion_size: M: pose 7, expression 63, and six that mean nothing and are noised and denoised with the rest.
      feature_size: F, components of an audio feature; also the width of the network.
      window, history: W and K, in frames.
      steps: of the published diffusion.
    """

    motion_size: int = 76
    feature_size: int = 512
    layers: int = 8
    heads: int = 8
    feedforward: int = 2048
    window: int = 100
    history: int = 10
    steps: int = 500

    @property
    def told(self) -> tuple[str, ...]:
        """Guidance takes its branches; the network is told no scales."""
        return ()

    def setup(self):
        sizes = (self.motion_size, self.feature_size, self.layers, self.heads, self.feedforward)
        self.denoiser = Denoiser(*sizes)
        start = nn.initializers.normal(1.0)
        self.start_motion = self.param("start_motion", start, (self.history, self.motion_size))
        self.start_audio = self.param("start_audio", start, (self.history, self.feature_size))
        self.null_audio = self.param("null_audio", start, (self.feature_size,))

    def __call__(
        self,
        noised: Float[Array, "batch window motion"],
        step: Int[Array, " batch"],
        conditions: Conditions,
        deterministic: bool = True,
        scales: Float[Array, "batch told"] | None = None,
    ) -> Float[Array, "batch window motion"]:
        """X_0 as the network sees it; see `vasa_jax.motion.transformer.MotionTransformer`.

        Silence is heard as silence: `conditions.audio_length` cuts nothing off.
        """
        c = conditions
        began, heard = c.has_previous[:, None, None], c.has_audio[:, None, None]
        previous = jnp.where(began, c.previous_motion, self.start_motion)
        previous_audio = jnp.where(began, c.previous_audio, self.start_audio)
        audio = jnp.where(heard, c.audio, self.null_audio)
        return self.predict(noised, previous, audio, previous_audio, self.steps * (step + 1) / STEPS)

    def predict(
        self,
        noised: Float[Array, "batch window motion"],
        previous: Float[Array, "batch history motion"],
        audio: Float[Array, "batch window feature"],
        previous_audio: Float[Array, "batch history feature"],
        step: Float[Array, " batch"],
    ) -> Float[Array, "batch window motion"]:
        """The window of the network's answer at a step of the published schedule."""
        motion = jnp.concatenate([previous, noised], 1)
        return self.denoiser(motion, jnp.concatenate([previous_audio, audio], 1), step)[:, self.history :]


def build_joy_motion(config: Mapping[str, Any]) -> JoyMotion:
    """The generator whose fields are the entries of `config`."""
    return JoyMotion(**config)
