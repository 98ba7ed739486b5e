"""Lips, lids and head read from standardised motion, undrawn, by what travels with the weights: cheap, without data.

Lips and lids are linear read-outs that were fitted on the training's motion set (`data.motion_set`); the pose is part
of the motion itself.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from vasa_jax.checkpoint import Checkpoint
from vasa_jax.errors import UserError
from vasa_jax.evaluation.motion_measures import LinearReading
from vasa_jax.motion import Statistics


class Readouts:
    """Curves of standardised motion (T, M).

    Raises:
      UserError: the checkpoint's statistics do not tell of lips and lids.
    """

    def __init__(self, checkpoint: Checkpoint):
        self._statistics: Statistics = checkpoint.statistics
        self._lips, self._lids = (_reading(checkpoint.config["statistics"], name) for name in ("lips", "lids"))

    def lip_opening(self, motion: Float[np.ndarray, "time motion"]) -> Float[np.ndarray, " time"]:
        """Gap of the inner lips over the distance of the eyes; about 0 closed."""
        return self._lips(motion)

    def eye_openness(self, motion: Float[np.ndarray, "time motion"]) -> Float[np.ndarray, " time"]:
        """About 1 open, 0.3 in a full blink, which a linear reading never finds quite shut."""
        return 1 - self._lids(motion)

    def head_angles(self, motion: Float[np.ndarray, "time motion"]) -> Float[np.ndarray, "time 3"]:
        """Yaw, pitch, roll in radians."""
        return np.asarray(self._statistics.restore(motion))[:, :3]


def _reading(statistics: Mapping[str, Any], name: str) -> LinearReading:
    try:
        return LinearReading.of(statistics, name)
    except (KeyError, TypeError, ValueError) as error:
        advice = "release them anew, from a motion set encoded by this version"
        raise UserError(f"the weights' statistics tell nothing of the {name}: {advice}") from error
