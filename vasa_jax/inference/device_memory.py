"""A device whose memory is full, told in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax

from vasa_jax.errors import UserError


@contextmanager
def told_when_full() -> Iterator[None]:
    """Raises:
    UserError: the device ran out of memory in what is done within.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(
            "the device is out of memory: end other programs or streams on it, or take weights of a smaller size"
        ) from error
