"""Where plots come from: matplotlib without a screen, which only those who plot need."""

from typing import Any

from vasa_jax.errors import UserError


def pyplot() -> Any:
    """The module matplotlib.pyplot.

    Raises:
      UserError: matplotlib is not installed.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot
    except ImportError:
        raise UserError("plots need matplotlib: pip install 'vasa-jax[eval]'") from None
    return matplotlib.pyplot
