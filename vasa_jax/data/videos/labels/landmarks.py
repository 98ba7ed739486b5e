"""Landmarks as our clips have them, and the openness of lips and eyes, from MediaPipe's mesh and lids."""

import numpy as np
from jaxtyping import Float

from vasa_jax.judges import readings

# The vertex of MediaPipe's mesh nearest to each of iBUG's 68 points: on 112 rendered heads, made symmetric. Eyes are
# read from the lids instead, which lie three times nearer.
MESH = (
    127, 234, 93, 215, 172, 150, 149, 148, 152, 377, 378, 379, 397, 435, 323, 454, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 98, 97, 2, 326, 327,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lips
    78, 81, 13, 311, 308, 402, 14, 178,  # inner lips
)  # fmt: skip
EYES = slice(36, 48)
# Of the 16 points of a contour (`FaceTrack.lids`), those of iBUG's six: the eye on the image's left, and the other.
LID_POINTS = ((0, 11, 13, 8, 5, 2), (8, 13, 11, 0, 2, 5))
INNER_EYE_CORNERS = (133, 362)


def ibug_landmarks(
    points: Float[np.ndarray, "time 468 3"], lids: Float[np.ndarray, "time 2 16 2"]
) -> Float[np.ndarray, "time 68 2"]:
    """iBUG's 68 landmarks in [-1, 1], x right, y up, float32; NaN where no face was found.

    Args:
      points, lids: see `judges.FaceTrack`.
    """
    landmarks = points[:, list(MESH), :2].astype(np.float32)
    landmarks[:, EYES] = np.concatenate([lids[:, eye, list(LID_POINTS[eye])] for eye in (0, 1)], 1)
    return landmarks


def lip_opening(points: Float[np.ndarray, "time 468 3"]) -> Float[np.ndarray, " time"]:
    """The inner-lip gap, a mean of three pairs, over the distance of the eyes' middles, in 3D; 0 is closed.

    The unit is that of `data.clips`; the mesh reads shut lips as some 0.01 and open ones an eighth wider. float32; NaN
    where no face was found.
    """
    gap = np.mean([_distance(points[:, upper], points[:, lower]) for upper, lower in readings.LIP_PAIRS], 0)
    outer, inner = points[:, list(readings.OUTER_EYE_CORNERS)], points[:, list(INNER_EYE_CORNERS)]
    left, right = ((outer + inner) / 2).transpose(1, 0, 2)
    return (gap / _distance(left, right)).astype(np.float32)


def eye_openness(lids: Float[np.ndarray, "time 2 16 2"]) -> Float[np.ndarray, " time"]:
    """The gap of the lids at the middle of the eye over the distance of its corners, a mean of both eyes, float32.

    As `judges.readings.eye_openness`: about 0.35 open and 0.2 closed. NaN where no face was found.
    """
    return readings.lid_gap(lids).astype(np.float32)


def _distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.linalg.norm(first - second, axis=-1)
