"""The phones that the speech encoder learns to tell apart, and their targets frame by frame."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from vasa_jax.types import FPS

PHONES = (
    "SIL", "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY",
    "F", "G", "HH", "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P",
    "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip


def phone_targets(
    labels: Sequence[str], starts: Sequence[float], ends: Sequence[float], frames: int
) -> Int[np.ndarray, "{frames} 2"]:
    """Indices into PHONES for the two 20 ms slots of each video frame.

    A slot has the phone that is spoken at its middle, and SIL where none is.

    Args:
      labels: ARPAbet in upper case without stress, or SIL.
      starts: seconds, not falling.
      ends: seconds.
      frames: T.

    Raises:
      ValueError: a label is not in PHONES.
    """
    middles = (np.arange(2 * frames) + 0.5) / (2 * FPS)
    targets = np.zeros(2 * frames, np.int32)
    for label, start, end in zip(labels, starts, ends, strict=True):
        targets[(middles >= start) & (middles < end)] = PHONES.index(label)
    return targets.reshape(frames, 2)
