"""The network H of VASA-1, section 3.2: from noised motion, diffusion step and conditions to clean motion."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from vasa_jax.motion.tokens import FramePositions, OrNull, SmallMLP, sinusoids
from vasa_jax.types import EMOTIONS, Conditions

GAZE_UNIT = 0.25  # radians
DISTANCE_UNIT = 0.25  # of the reference distance, counted from it


class EncoderLayer(nn.Module):
    """Pre-norm transformer encoder layer: self-attention among all tokens, then a feed-forward network.

    Attributes:
      last: how many of the tokens, the last ones, are looked for by whoever reads the result; None for all. The others
        are attended to and not computed.
    """

    heads: int
    feedforward: int
    dropout: float = 0.0
    dtype: Any = jnp.float32
    last: int | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch tokens width"], deterministic: bool
    ) -> Float[Array, "batch last width"]:
        width, first = x.shape[-1], 0 if self.last is None else x.shape[1] - self.last
        drop = nn.Dropout(self.dropout, deterministic=deterministic)
        h = nn.LayerNorm(dtype=self.dtype)(x)
        h = nn.DenseGeneral((3, self.heads, width // self.heads), dtype=self.dtype, name="query_key_value")(h)
        h, x = jax.nn.dot_product_attention(h[:, first:, 0], h[:, :, 1], h[:, :, 2]), x[:, first:]
        x = x + drop(nn.Dense(width, dtype=self.dtype, name="attended")(h.reshape(x.shape)))
        h = nn.LayerNorm(dtype=self.dtype)(x)
        h = nn.gelu(nn.Dense(self.feedforward, dtype=self.dtype)(h))
        return x + drop(nn.Dense(width, dtype=self.dtype)(h))


class MotionTransformer(nn.Module):
    """Transformer encoder over tokens along time: [A_pre, A], g, d, e, t, [X_pre, X_t].

    Audio and motion tokens of one frame share one position; a learned vector tells the six kinds apart. Each
    condition has a learned null token for its absence. The output is read from the last W tokens. With the
    paper's sizes (width 512, 8 layers, 8 heads) a feed-forward width of 2048 makes the published 29M.

    Attributes:
      motion_size: M, components of a motion vector.
      feature_size: F, components of a speech feature.
      window: W, frames that are generated at once.
      history: K, frames of the previous window that are given.
      told: names of conditions whose guidance scales the network is told, which are those of a few-step student
        (`vasa_jax.training.student`); the paper's network is told none.
      dtype: type of the computation; parameters and output are float32.
    """

    motion_size: int
    feature_size: int
    width: int
    layers: int
    heads: int
    feedforward: int
    window: int = 50
    history: int = 10
    emotion_size: int = len(EMOTIONS)
    told: tuple[str, ...] = ()
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        noised: Float[Array, "batch window motion"],
        step: Int[Array, " batch"],
        conditions: Conditions,
        deterministic: bool = True,
        scales: Float[Array, "batch told"] | None = None,
    ) -> Float[Array, "batch window motion"]:
        """X_0 as the network sees it.

        Args:
          noised: (B, W, M) X_t, standardised.
          step: (B,) diffusion step t, 0 (nearly clean) to 999 (noise).
          conditions: C, see `vasa_jax.types.Conditions`.
          deterministic: False for dropout in training (needs the key "dropout").
          scales: (B, names) guidance scales of `told`, which a model that is told some needs.

        Returns:
          (B, W, M) float32 clean motion X_0, standardised.

        Raises:
          ValueError: the window of `noised` or the history of `conditions` is not this model's.
        """
        self._check(noised, conditions)
        x = self._tokens(noised, step, conditions, scales)
        for i in range(self.layers):
            last = self.window if i == self.layers - 1 else None
            layer = EncoderLayer(self.heads, self.feedforward, self.dropout, self.dtype, last, name=f"layer_{i}")
            x = layer(x, deterministic)
        x = nn.LayerNorm(dtype=self.dtype, name="last_norm")(x)
        # Zeros: training starts from the mean motion, the best guess that uses nothing.
        head = nn.Dense(self.motion_size, kernel_init=nn.initializers.zeros, name="head")
        return head(x.astype(jnp.float32))

    def _check(self, noised: Array, conditions: Conditions) -> None:
        expected = (self.window, self.history, self.window)
        found = (noised.shape[1], conditions.previous_motion.shape[1], conditions.audio.shape[1])
        if found != expected:
            raise ValueError(f"frames of motion, history and audio are {found}, the model has {expected}")

    def _tokens(
        self, noised: Array, step: Array, c: Conditions, scales: Array | None
    ) -> Float[Array, "batch tokens width"]:
        kinds = ("audio", "gaze", "distance", "emotion", "step", "motion")
        groups = [
            self._audio(c),
            self._single("gaze", c.gaze / GAZE_UNIT, c.has_gaze),
            self._single("distance", (c.distance - 1) / DISTANCE_UNIT, c.has_distance),
            self._single("emotion", c.emotion, c.has_emotion),
            self._step(step, scales),
            self._motion(noised, c),
        ]
        positions = FramePositions(self.history + self.window, self.width, name="positions")()
        for kind in ("audio", "motion"):
            groups[kinds.index(kind)] += positions.astype(self.dtype)
        types = self.param("types", nn.initializers.normal(0.5), (len(kinds), self.width)).astype(self.dtype)
        return jnp.concatenate([group + types[i] for i, group in enumerate(groups)], 1)

    def _audio(self, c: Conditions) -> Float[Array, "batch frames width"]:
        """[A_pre, A]; frames of A from `audio_length` on are as absent as the whole of it."""
        dense = nn.Dense(self.width, dtype=self.dtype, name="audio")
        heard = c.has_audio[:, None] & (jnp.arange(self.window) < c.audio_length[:, None])
        previous = OrNull(name="previous_audio_or")(dense(c.previous_audio), c.has_previous[:, None])
        return jnp.concatenate([previous, OrNull(name="audio_or")(dense(c.audio), heard)], 1)

    def _motion(self, noised: Array, c: Conditions) -> Float[Array, "batch frames width"]:
        """[X_pre, X_t]; X_pre is clean."""
        previous = nn.Dense(self.width, dtype=self.dtype, name="previous_motion")(c.previous_motion)
        previous = OrNull(name="previous_motion_or")(previous, c.has_previous[:, None])
        return jnp.concatenate([previous, nn.Dense(self.width, dtype=self.dtype, name="motion")(noised)], 1)

    def _single(self, name: str, value: Array, present: Array) -> Float[Array, "batch 1 width"]:
        """One token of one control; `value` is (B, any), brought to about unit size."""
        token = SmallMLP(self.width, self.width, self.dtype, name=name)(value[:, None])
        return OrNull(name=f"{name}_or")(token, present[:, None])

    def _step(self, step: Array, scales: Array | None) -> Float[Array, "batch 1 width"]:
        waves = sinusoids(step, self.width, longest=10_000.0)
        token = SmallMLP(self.feedforward, self.width, self.dtype, name="step")(waves[:, None])
        if not self.told:
            return token
        # Zeros: a student begins as its teacher without guidance.
        last = nn.Dense(self.width, dtype=self.dtype, kernel_init=nn.initializers.zeros, name="told_last")
        return token + last(nn.silu(nn.Dense(self.width, dtype=self.dtype, name="told_first")(scales[:, None])))
