"""Long clips in overlapping chunks, and 50 feature vectors a second to the 25 of the video.

A chunk is `window` frames long and the next begins `window - 2 margin` frames later. Each gives its middle; the
first gives its beginning too. What lies nearer than `margin` to an edge that the clip does not have is thrown away.
So the chunk that a frame comes from depends on the frame alone, and not on the clip's length.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def starts_of(frames: int, window: int, margin: int) -> list[int]:
    """First frame of each chunk that a clip of `frames` frames needs.

    Raises:
      ValueError: the margins leave nothing of a chunk.
    """
    step = window - 2 * margin
    if step <= 0 or margin < 0:
        raise ValueError(f"margins of {margin} frames leave nothing of a window of {window}")
    beyond_first = max(frames - (window - margin), 0)
    return [step * number for number in range(1 - -beyond_first // step)]


def cut(
    x: Float[Array, "batch time *rest"], starts: list[int], length: int
) -> Float[Array, "chunks batch {length} *rest"]:
    """Stretches of `length`, zeros where `x` has ended."""
    missing = max(starts[-1] + length - x.shape[1], 0)
    x = jnp.pad(x, ((0, 0), (0, missing), *((0, 0),) * (x.ndim - 2)))
    return jnp.stack([x[:, start : start + length] for start in starts])


def join(
    parts: Float[Array, "chunks batch window feature"], margin: int, frames: int
) -> Float[Array, "batch {frames} feature"]:
    """The chunks' features as those of one clip."""
    window = parts.shape[2]
    if len(parts) == 1:
        return parts[0, :, :frames]
    middles = [part[:, margin : window - margin] for part in parts[1:]]
    return jnp.concatenate([parts[0, :, : window - margin], *middles], 1)[:, :frames]


def halve_between(x: Float[Array, "batch doubled feature"]) -> Float[Array, "batch frames feature"]:
    """50 Hz to 25 Hz where vector k is centred 10 ms after 20 k ms: the mean of two is centred on the frame."""
    return (x[:, ::2] + x[:, 1::2]) / 2


def halve_on(x: Float[Array, "batch doubled feature"]) -> Float[Array, "batch frames feature"]:
    """The same where vector k is centred on 20 k ms: the odd ones are centred on a frame; weights 1/4, 1/2, 1/4."""
    after = jnp.concatenate([x[:, 2::2], x[:, -1:]], 1)
    return x[:, ::2] / 4 + x[:, 1::2] / 2 + after / 4


def standardised(x: Float[Array, "*batch feature"]) -> Float[Array, "*batch feature"]:
    """Mean 0 and deviation 1 over the components, as the streaming encoder's features have."""
    x = x - x.mean(-1, keepdims=True)
    return x / jnp.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)
