"""One mathematics in two forms: one for every platform, and one for a single CPU, where loops beat large operations."""

from collections.abc import Callable

import jax
from jaxtyping import Array, PyTree


def on_platform(general: Callable, one_cpu: Callable, *args: PyTree[Array]):
    """The form for the platform that the program is compiled for, which need not be the one that compiles.

    A process with several CPU devices takes the general form: loops over a batch cannot be split over devices.
    """
    return jax.lax.platform_dependent(*args, cpu=one_cpu if jax.device_count() == 1 else general, default=general)
