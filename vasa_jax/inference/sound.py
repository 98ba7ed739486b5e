"""Sound of any length: read a block at a time, and from its beginning as often as it is asked for."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from vasa_jax.provenance.record import hash_blocks
from vasa_jax.types import FPS, SAMPLE_RATE

BLOCK = 1 << 16  # samples


@dataclass(frozen=True)
class Sound:
    """A clip's sound.

    Attributes:
      read: begins anew: blocks (n,) or (n, 2) of any sizes, float32 in [-1, 1].
      rate: in Hz.
      length: samples of all blocks together.
      channels: 1 or 2.
    """

    read: Callable[[], Iterator[np.ndarray]]
    rate: int
    length: int
    channels: int = 1

    @classmethod
    def of(cls, samples: np.ndarray, rate: int) -> "Sound":
        """Of samples (n,) or (n, 2) that are at hand."""

        def read() -> Iterator[np.ndarray]:
            return (samples[start : start + BLOCK] for start in range(0, len(samples), BLOCK))

        return cls(read, rate, len(samples), samples.ndim)

    @property
    def frames(self) -> int:
        """Video frames that cover the sound: a last partial frame counts as one."""
        return math.ceil(self.length * FPS / self.rate)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the samples as one array."""
        return (self.length,) if self.channels == 1 else (self.length, self.channels)

    def samples(self) -> np.ndarray:
        """All of them, in memory."""
        return np.concatenate([np.zeros((0, *self.shape[1:]), np.float32), *self.read()])

    def digest(self) -> str:
        """`record.hash_array` of the samples."""
        return hash_blocks(np.dtype(np.float32).str, self.shape, self.read())

    def at(self, rate: int) -> Iterator[np.ndarray]:
        """Blocks at another rate."""
        return resampled(self.read(), self.rate, rate, self.channels)

    def heard(self) -> Iterator[Float32[np.ndarray, " samples"]]:
        """Blocks as the networks hear it: mono, 16 kHz."""
        mono = (block if block.ndim == 1 else block.mean(1) for block in self.read())
        return resampled(mono, self.rate, SAMPLE_RATE, 1)


class Supply:
    """Blocks of sound, handed out in such pieces as are asked for."""

    def __init__(self, blocks: Iterable[np.ndarray], shape: tuple[int, ...] = ()):
        """Args: shape: of one sample, () or (2,)."""
        self._blocks = iter(blocks)
        self._kept = np.zeros((0, *shape), np.float32)

    def take(self, count: int) -> np.ndarray:
        """The next `count` samples; silence after the last."""
        pieces, missing = [self._kept], count - len(self._kept)
        while missing > 0:
            block = next(self._blocks, None)
            if block is None:
                block = np.zeros((missing, *self._kept.shape[1:]), np.float32)
            pieces.append(block)
            missing -= len(block)
        joined = np.concatenate(pieces) if len(pieces) > 1 else self._kept
        self._kept = joined[count:]
        return joined[:count]


def resampled(blocks: Iterator[np.ndarray], rate: int, wanted: int, channels: int) -> Iterator[np.ndarray]:
    """Blocks at the rate that is wanted, the same samples as if they were one."""
    if rate == wanted:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(rate, wanted, channels, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros((0,) if channels == 1 else (0, channels), np.float32), last=True)
