"""Sound that is early or late by a known time."""

import numpy as np

from vasa_jax.types import SAMPLES_PER_FRAME


def moved(audio: np.ndarray, frames: int) -> np.ndarray:
    """The sound, late by some frames (negative: early), as long as before, with the hiss of a microphone."""
    shift = frames * SAMPLES_PER_FRAME
    late = np.pad(audio, (max(shift, 0), max(-shift, 0)))[max(-shift, 0) :][: len(audio)]
    return (late + np.random.default_rng(0).normal(0, 1e-4, len(audio))).astype(np.float32)
