"""Random encoded clips, and batches of windows of them, for the trainings of stage 2."""

import jax.numpy as jnp
import numpy as np

from vasa_jax.data.windows import MotionWindows

WINDOW, HISTORY, FEATURE = 12, 3, 3


def record(seed, frames=20, motion_size=9):
    generator = np.random.default_rng(seed)

    def some(*shape):
        return generator.normal(size=shape).astype(np.float32)

    return {
        "motion": some(frames, motion_size),
        "audio": some(frames, FEATURE),
        "lip_opening": some(frames),
        "gaze": some(2),
        "distance": some(1),
        "emotion": some(6),
    }


def draw(first, frames=20, count=4):
    sample = MotionWindows(WINDOW, HISTORY, first=first)
    drawn = [sample(record(i, frames), np.random.default_rng(i)) for i in range(count)]
    return {name: jnp.asarray(np.stack([d[name] for d in drawn])) for name in drawn[0]}
