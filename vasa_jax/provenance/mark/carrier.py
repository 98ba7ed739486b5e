"""Where the mark lies in a picture: a band of low spatial frequencies of its brightness, on a grid of 64 x 64.

The grid spans the frame whatever its size, so a mark stays what it is when the frame is enlarged or reduced. Within
the band each symbol of the coded payload has a pattern of its own, spread over all of it; the patterns are orthogonal.
The first one, `sync`, is always there: by it a reader finds the mark and its place. Its signs are as good as drawn
at random and no picture knows them, which is what the bound on false alarms rests on (see `reader`).
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float

from vasa_jax.provenance.mark import error_code
from vasa_jax.provenance.mark.payload import MESSAGE_BITS, Payload, to_bits

GRID = 64
SYMBOLS = error_code.coded_length(MESSAGE_BITS)
SYNC_STRENGTH = 5.6  # of sync, in strengths of a symbol: 18 percent of the energy


@dataclass(frozen=True)
class Carrier:
    """A band of frequencies and the patterns in it.

    Attributes:
      low, high: ends of the band, in cycles a frame.
      key: names the random patterns.
    """

    low: float
    high: float
    key: str

    @cached_property
    def band(self) -> np.ndarray:
        """(64, 64) bool: the cosines that the mark uses."""
        return in_band((GRID, GRID), (1.0, 1.0), self)

    @cached_property
    def patterns(self) -> np.ndarray:
        """(C, 1 + SYMBOLS) orthonormal columns over the C cosines of the band; the first is sync, all of one size."""
        shape = (int(self.band.sum()), 1 + SYMBOLS)
        # Not a library's random numbers, which another version of it may draw differently.
        stream = hashlib.shake_256(self.key.encode()).digest(-(-shape[0] * shape[1] // 8))
        signs = 2.0 * np.unpackbits(np.frombuffer(stream, np.uint8))[: shape[0] * shape[1]].reshape(shape) - 1
        basis, triangle = np.linalg.qr(signs)
        return basis * np.sign(np.diag(triangle))

    def image(self, payload: Payload) -> Float[np.ndarray, "64 64"]:
        """The mark on the grid, root mean square 1."""
        strengths = np.concatenate([[SYNC_STRENGTH], error_code.encode(to_bits(payload))])
        image = self.compose(self.patterns @ strengths)
        return image / np.sqrt((image**2).mean())

    def compose(self, cosines: Float[np.ndarray, "*batch cosines"]) -> Float[np.ndarray, "*batch 64 64"]:
        """The picture of cosines in the band."""
        spectrum = np.zeros((*cosines.shape[:-1], GRID, GRID))
        spectrum[..., self.band] = cosines
        matrix = cosine_matrix(GRID)
        return through(matrix.T, spectrum, matrix.T)

    def analyse(self, images: Float[np.ndarray, "*batch 64 64"]) -> Float[np.ndarray, "*batch cosines"]:
        """The cosines of pictures in the band."""
        matrix = cosine_matrix(GRID)
        return through(matrix, images, matrix)[..., self.band]


# A video's mark changes its sign every SLOT frames (see `writer`), a still's cannot: it lies higher, where faces have
# less of their own, and where h264 would not leave it. What h264 leaves of a video's is what rises above its steps, so
# the band is narrow and low, where a mark of the same strength has fewer and larger cosines in each block.
VIDEO = Carrier(5.0, 13.0, "vasa-jax video mark 2")
STILL = Carrier(14.0, 30.0, "vasa-jax still mark 1")


def in_band(shape: tuple[int, int], spans: tuple[float, float], carrier: Carrier) -> np.ndarray:
    """Which cosines of a picture of `shape` lie in the band, where it spans these parts of the frame's sides."""
    rows, columns = (np.arange(size) / (2 * span) for size, span in zip(shape, spans, strict=True))
    radius = np.hypot(rows[:, None], columns[None])
    return (radius >= carrier.low) & (radius <= carrier.high)


def through(
    rows: Float[np.ndarray, "height h"], images: Float[np.ndarray, "*batch h w"], columns: Float[np.ndarray, "width w"]
) -> Float[np.ndarray, "*batch height width"]:
    """`rows @ image @ columns.T` of each image, in the images' precision.

    Two large products: several threads lose more on many small ones than they win.
    """
    batch, (height, width) = images.shape[:-2], images.shape[-2:]
    rows, columns = rows.astype(images.dtype), columns.astype(images.dtype)
    wide = images.reshape(-1, width) @ columns.T
    tall = np.tensordot(rows, wide.reshape(-1, height, len(columns)), (1, 1))
    return np.moveaxis(tall, 0, 1).reshape(*batch, len(rows), len(columns))


@lru_cache(maxsize=256)
def cosine_matrix(size: int) -> np.ndarray:
    """The orthonormal DCT-II: (size, size), a cosine a row."""
    index = np.arange(size)
    matrix = np.sqrt(2 / size) * np.cos(np.pi * (index[None] + 0.5) * index[:, None] / size)
    matrix[0] /= np.sqrt(2)
    return matrix


def resampling(size: int, target: int = GRID, start: float = 0.0, span: float = 1.0) -> np.ndarray:
    """(target, size): a picture's side, which spans [start, start + span] of the frame's, on `target` cells of it.

    Keys' cubic kernel, widened where it reduces; outside, the edge goes on.
    """
    zoom = target * span / size
    places = ((np.arange(target) + 0.5) / target - start) / span * size - 0.5
    width = max(1.0, 1 / zoom)
    reach = int(np.ceil(2 * width))
    taps = np.floor(places)[:, None] + np.arange(-reach + 1, reach + 1)[None]
    distance = np.abs(taps - places[:, None]) / width
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    weights /= weights.sum(1, keepdims=True)
    matrix = np.zeros((target, size))
    np.add.at(matrix, (np.arange(target)[:, None], np.clip(taps, 0, size - 1).astype(int)), weights)
    return matrix
