"""The sound of a video as the networks hear it, from front to back: 16 kHz mono, in time with the frames.

Every block of samples is put where its time stamp says, so that a late start, a gap or an overlap in the file moves
nothing that comes after it. Only the stretch at hand is kept.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from vasa_jax.inference import sound
from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME

TOLERANCE = 0.01  # seconds by which time stamps may be rounded before samples are moved


class Sound:
    """The first sound track of a video, read in order.

    Args:
      start: when the video's first frame is shown, in seconds on the file's clock: sample 0.

    Attributes:
      exists: whether there is a track that can be decoded at all.
    """

    def __init__(self, path: Path, start: float):
        self._blocks = resampled(mono_blocks(path, start))
        self._held = np.zeros(0, np.float32)
        self._first = 0  # the place of the first held sample
        self.exists = self._hold(1)

    def read(self, frame: int, count: int) -> Float32[np.ndarray, " samples"]:
        """640 `count` samples in [-1, 1] from frame number `frame` on, which must not lie before that of an earlier
        call; silence where there is no sound."""
        first, wanted = frame * SAMPLES_PER_FRAME, count * SAMPLES_PER_FRAME
        while self._first < first:
            if not self._hold(1):
                break
            dropped = min(first - self._first, len(self._held))
            self._held, self._first = self._held[dropped:], self._first + dropped
        if self._first > first:
            raise ValueError(f"sound is read in order: frame {frame} has passed")
        if self._first < first or not self._hold(wanted):
            part = self._held[:wanted] if self._first == first else np.zeros(0, np.float32)
            return np.pad(part, (0, wanted - len(part)))
        return self._held[:wanted].copy()

    def _hold(self, count: int) -> bool:
        """Reads until `count` samples are held, or to the end."""
        while len(self._held) < count:
            block = next(self._blocks, None)
            if block is None:
                return False
            self._held = np.concatenate([self._held, block])
        return True


def mono_blocks(path: Path, start: float) -> Iterator[tuple[np.ndarray, int]]:
    """(n,) float32 blocks and their rate in Hz, without a gap from `start` seconds on; what cannot be decoded is
    silence. Nothing for a file without sound."""
    import av

    try:
        with av.open(path) as container:
            if not container.streams.audio:
                return
            stream = container.streams.audio[0]
            rate, place = stream.rate, 0
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            for frame in _decodable(container, stream):
                wanted = place if frame.time is None else round((frame.time - start) * rate)
                samples = [out.to_ndarray().reshape(-1) for out in resampler.resample(frame)]
                samples = np.concatenate(samples) if samples else np.zeros(0, np.float32)
                if wanted > place + TOLERANCE * rate or (place == 0 and wanted > 0):
                    while place < wanted:  # in pieces: a jump of hours must not fill the memory
                        silent = min(wanted - place, rate)
                        yield np.zeros(silent, np.float32), rate
                        place += silent
                elif wanted < place - TOLERANCE * rate or (place == 0 and wanted < 0):
                    samples = samples[place - wanted :]
                if len(samples):
                    yield np.clip(np.nan_to_num(samples), -1, 1), rate
                    place += len(samples)
    except (av.FFmpegError, IndexError, ValueError, OSError):
        return


def resampled(blocks: Iterator[tuple[np.ndarray, int]]) -> Iterator[np.ndarray]:
    """The same sound at 16 kHz, in blocks of any length."""
    for block, rate in blocks:  # the rate, which is known with the first, stays
        rest = (block for block, _ in blocks)
        yield from sound.resampled(itertools.chain([block], rest), rate, SAMPLE_RATE, 1)


def _decodable(container, stream):
    """The frames of a stream; packets that cannot be decoded are left out."""
    import av

    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue
