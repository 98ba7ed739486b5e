"""What every speech encoder offers, so that the rest of the house need not know which one it has."""

from typing import Protocol, runtime_checkable

import numpy as np
from jax import Array
from jaxtyping import Float


@runtime_checkable
class SpeechEncoder(Protocol):
    """A linen module from speech to features at 25 fps.

    Attributes:
      feature_size: F.
      look_ahead: seconds of audio after the end of a frame that its features may depend on; infinite for an
        encoder that hears the whole clip.
    """

    feature_size: int

    @property
    def look_ahead(self) -> float: ...

    def __call__(
        self, audio: Float[Array | np.ndarray, "batch samples"]
    ) -> Float[Array, "batch frames feature"]:
        """(B, samples) in [-1, 1] at 16 kHz to (B, samples // 640, F)."""
        ...
