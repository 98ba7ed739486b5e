"""A device whose memory is full, told in words."""

from collections.abc import Iterator
from contextlib import contextmanager

from vasa_jax.errors import UserError


@contextmanager
def told_when_full() -> Iterator[None]:
    """Raises:
    UserError: the device ran out of memory in what is done within.
    """
    try:
        yield
    except Exception as error:  # JAX's own type is not asked for: commands come here before they import JAX
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(
            "the device is out of memory: draw fewer frames at once (--frames_at_once 1, or a stream's hop), "
            "end other programs or streams on it, or take weights of a smaller size"
        ) from error
