"""Whose head pose a speaking portrait shows: the one that speech makes, its own, or that of somebody in a video."""

import numpy as np
from jaxtyping import Float

from vasa_jax.errors import UserError

ABSOLUTE, RELATIVE, FIXED = POSES = ("absolute", "relative", "fixed")


def check_pose(pose: str | None, video: bool) -> None:
    """UserError unless the pose is None or one of POSES and goes with a video for it, or without one."""
    if pose not in (None, *POSES):
        raise UserError(f"no pose is called {pose!r}; there are {', '.join(POSES)}")
    if video and pose == FIXED:
        raise UserError("a fixed pose is the portrait's own: give no clip for the pose")
    if not video and pose in (ABSOLUTE, RELATIVE):
        raise UserError(f"the pose {pose!r} is that of a clip: give one")


def there_and_back(poses: Float[np.ndarray, "given pose"], frames: int) -> Float[np.ndarray, "{frames} pose"]:
    """So many frames of a clip that is played forwards, backwards and so on, since a cut would be a jerk."""
    turn = max(len(poses) - 1, 1)
    steps = np.arange(frames) % (2 * turn)
    return poses[np.minimum(np.minimum(steps, 2 * turn - steps), len(poses) - 1)]
