"""How long a training may take: a number of steps, or minutes of the clock."""

import dataclasses

from vasa_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Budget:
    """Exactly one of the two is above zero.

    Attributes:
      steps: for runs that must be repeatable.
      minutes: of training, compile time left out: for machines whose speed is not known beforehand.
    """

    steps: int = 0
    minutes: float = 0.0

    def __post_init__(self):
        if (self.steps > 0) == (self.minutes > 0):
            raise UserError("set exactly one of config.steps and config.minutes above zero")

    def used(self, step: int, seconds: float) -> float:
        """Share that is used up after `step` steps and `seconds`: 0 at first, 1 at the end."""
        return min(1.0, step / self.steps if self.steps else seconds / (60 * self.minutes))
