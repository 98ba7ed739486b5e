"""Which conditions are present: none, a random choice for training, all but one for guidance."""

import jax
import jax.numpy as jnp
from jax import Array

from vasa_jax.types import EMOTIONS, Conditions

NAMES = ("previous", "audio", "gaze", "distance", "emotion")


def null_conditions(
    batch: int,
    window: int,
    history: int,
    motion_size: int,
    feature_size: int,
    emotion_size: int = len(EMOTIONS),
) -> Conditions:
    """Conditions of the right shapes, all absent; the start for those who set some with `.replace`."""
    absent = jnp.zeros(batch, bool)
    return Conditions(
        previous_motion=jnp.zeros((batch, history, motion_size)),
        previous_audio=jnp.zeros((batch, history, feature_size)),
        audio=jnp.zeros((batch, window, feature_size)),
        audio_length=jnp.full(batch, window, jnp.int32),
        gaze=jnp.zeros((batch, 2)),
        distance=jnp.ones((batch, 1)),
        emotion=jnp.zeros((batch, emotion_size)),
        has_previous=absent,
        has_audio=absent,
        has_gaze=absent,
        has_distance=absent,
        has_emotion=absent,
    )


def drop(
    key: Array,
    conditions: Conditions,
    rate: float = 0.1,
    previous_rate: float = 0.5,
    truncate_rate: float = 0.1,
) -> Conditions:
    """Drops conditions at random, each example for itself (VASA-1, section 3.2).

    Args:
      rate: of dropping each of audio, gaze, distance and emotion.
      previous_rate: of dropping X_pre together with A_pre, so that a first window works.
      truncate_rate: of cutting the tail of the audio to a uniform length of 1..W-1, so that speech shorter
        than the window works. The paper gives no rate; 0.1 is as frequent as the other drops.
    """
    keys = dict(zip((*NAMES, "cut", "length"), jax.random.split(key, len(NAMES) + 2), strict=True))
    shape = conditions.audio_length.shape
    flags = {}
    for name in NAMES:
        dropped = jax.random.bernoulli(keys[name], previous_rate if name == "previous" else rate, shape)
        flags[f"has_{name}"] = getattr(conditions, f"has_{name}") & ~dropped
    length = jax.random.randint(keys["length"], shape, 1, conditions.audio.shape[1])
    length = jnp.minimum(conditions.audio_length, length)
    cut = jax.random.bernoulli(keys["cut"], truncate_rate, shape)
    return conditions.replace(audio_length=jnp.where(cut, length, conditions.audio_length), **flags)


def without(conditions: Conditions, name: str) -> Conditions:
    """The same conditions with one of NAMES absent; "previous" is X_pre with A_pre.

    Raises:
      ValueError: no condition has that name.
    """
    if name not in NAMES:
        raise ValueError(f"no condition is called {name!r}; there are {', '.join(NAMES)}")
    flag = f"has_{name}"
    return conditions.replace(**{flag: jnp.zeros_like(getattr(conditions, flag))})
