"""The bundled portrait, framed once, for measurements that draw it again and again."""

from typing import Any

import numpy as np
from jaxtyping import UInt8

from vasa_jax import pretrained
from vasa_jax.inference.crop import cut_square
from vasa_jax.inference.portrait import MIN_SIDE, read_portrait


def framed_portrait(animator: Any) -> UInt8[np.ndarray, "side side 3"]:
    """Framed as the animator's face model takes it, so that it is to be drawn with crop=False.

    Raises:
      UserError: this installation has no portrait.
    """
    picture = read_portrait(pretrained.portrait())
    return cut_square(picture, *animator.square(picture), max(animator.image_size, MIN_SIDE))
