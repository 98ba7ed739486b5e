"""How far the lips are apart, as a linear function of the expression coefficients of one person.

The opening is the mean height difference of the three inner lip pairs (iBUG 61-67, 62-66, 63-65) before the
pose, over the distance between the eyes at rest; negative where the lips would run into each other.
"""

import dataclasses

import numpy as np
from jaxtyping import Float

from vasa_jax.data.synthetic import anatomy

REST_OPENING = 0.004


@dataclasses.dataclass(frozen=True)
class Lips:
    """opening = rest + slopes . coefficients."""

    rest: float
    slopes: np.ndarray  # (57,)

    def opening(self, coefficients: Float[np.ndarray, "time 57"]) -> Float[np.ndarray, "time"]:
        """Signed opening in inter-ocular distances."""
        return self.rest + coefficients @ self.slopes


def measure(model, person: Float[np.ndarray, "vertices 3"]) -> Lips:
    """Lips of a person with these vertices at rest."""
    landmarks = person[model.landmarks]
    left, right = (landmarks[part].mean(0) for part in anatomy.EYE_CONTOURS)
    distance = np.linalg.norm(left - right)
    shapes = model.expression_shapes.reshape(len(model.expression_names), -1, 3)
    upper, lower = (model.landmarks[[pair[k] for pair in anatomy.INNER_LIP_PAIRS]] for k in (0, 1))
    rest = (person[upper, 1] - person[lower, 1]).mean() / distance
    slopes = (shapes[:, upper, 1] - shapes[:, lower, 1]).mean(1) / distance
    return Lips(float(rest), slopes)


def close_at_rest(model, person: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices 3"]:
    """Vertices of the same person with lips that just touch: not every identity has its mouth shut."""
    lips = measure(model, person)
    close = model.index("mouthClose")[0]
    shape = model.expression_shapes[close].reshape(-1, 3)
    return person + (REST_OPENING - lips.rest) / lips.slopes[close] * shape
