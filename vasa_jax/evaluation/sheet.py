"""A picture of generated clips beside the truth, for eyes: numbers alone have been wrong before."""

import numpy as np
from jaxtyping import UInt8

from vasa_jax.evaluation.reconstruction import resize
from vasa_jax.evaluation.speaking import Spoken

COLUMNS = 8


def frame_sheet(spoken: list[Spoken]) -> UInt8[np.ndarray, "height width 3"]:
    """Two rows a clip, the truth and below it what was generated; first the portrait, then frames."""
    rows = []
    for clip in spoken:
        size = clip.frames.shape[1]
        truth = resize(clip.sample.frames, size)
        length = min(len(truth), len(clip.frames))
        chosen = np.linspace(0, length - 1, COLUMNS).astype(int)
        portrait = truth[clip.sample.portrait]
        for frames in (truth, clip.frames):
            rows.append(np.concatenate([portrait, *frames[chosen]], 1))
    return np.concatenate(rows)
