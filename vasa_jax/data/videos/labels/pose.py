"""Where the head is, from landmarks: the canonical face is laid over those of each frame."""

import numpy as np
from jaxtyping import Float

from vasa_jax.data.videos.labels import tables
from vasa_jax.judges import readings


def pose_of_landmarks(points: Float[np.ndarray, "time 468 3"]) -> Float[np.ndarray, "time 7"]:
    """Head pose of each frame, as `types.HeadPose` has it: radians, half image sides, scale 1 at the reference.

    The similarity (Umeyama 1991) that brings `tables.canonical_face` closest to the 36 points of the mesh that speech
    and expression hardly move. The face is that of the mean head: a person's pitch has an offset of a few degrees where
    the own face is flatter or steeper, and scale counts a large head as a near one. The z of the translation is 0, as
    in our clips: weak perspective does not see it.

    Args:
      points: MediaPipe's mesh in the frame's [-1, 1], x right, y up, z towards the camera; NaN where no face was found.

    Returns:
      float32; NaN where no face was found.
    """
    pose = np.full((len(points), 7), np.nan, np.float32)
    seen = np.isfinite(points).all((1, 2))
    if not seen.any():
        return pose
    shape, found = tables.canonical_face().astype(np.float64), points[seen][:, list(readings.RIGID_POINTS)]
    found = found.astype(np.float64)
    middle, centre = shape.mean(0), found.mean(1)
    shape, found = shape - middle, found - centre[:, None]
    rotation = readings.closest_rotations(shape, found)
    turned = shape @ rotation.transpose(0, 2, 1)
    scale = (turned * found).sum((1, 2)) / (shape**2).sum()
    pose[seen, :3] = readings.rotation_angles(rotation)
    pose[seen, 3:6] = (centre - scale[:, None] * (rotation @ middle)) * (1, 1, 0)
    pose[seen, 6] = scale
    return pose


def head_distance(pose: Float[np.ndarray, "time 7"]) -> Float[np.ndarray, " time"]:
    """Distance of the head from the camera, 1 at the reference: 1 / scale, as in our clips; NaN where pose is."""
    return 1 / pose[:, 6]
