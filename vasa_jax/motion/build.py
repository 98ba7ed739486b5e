"""The edge where a plain dict of numbers becomes the motion transformer."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from vasa_jax.motion.transformer import MotionTransformer


def build_motion(config: Mapping[str, Any]) -> MotionTransformer:
    """The transformer whose fields are the entries of `config`.

    Args:
      config: field names of MotionTransformer and their values, as JSON has them; `dtype` may be a name such as
        "bfloat16".

    Raises:
      TypeError: an entry is not a field, or a field without default is missing.
    """
    fields = dict(config)
    fields["dtype"] = jnp.dtype(fields.get("dtype", "float32"))
    fields["told"] = tuple(fields.get("told", ()))
    return MotionTransformer(**fields)
