"""The same sound offline and online: how far apart the motions are."""

import numpy as np
from jaxtyping import Float

from vasa_jax.evaluation.readouts import Readouts
from vasa_jax.evaluation.signals import correlation, head_motion

Motion = Float[np.ndarray, "time motion"]


def likeness(readouts: Readouts, offline: Motion, online: Motion, other_seed: Motion) -> dict[str, float]:
    """What two motions of one sound share.

    Args:
      offline, online: standardised, of the same sound and seed.
      other_seed: offline with another seed: what is farther apart than that is not alike.

    Returns:
      "distance" and "distance_seeds": root mean square difference, in deviations of the training's motion; "lips" and
      "lips_seeds": correlation of the lips' opening; "pose_change_offline" and "pose_change_online": dP in degrees a
      frame.
    """
    lips = readouts.lip_opening(offline)
    return {
        "distance": _apart(offline, online),
        "distance_seeds": _apart(offline, other_seed),
        "lips": correlation(lips, readouts.lip_opening(online)),
        "lips_seeds": correlation(lips, readouts.lip_opening(other_seed)),
        "pose_change_offline": head_motion(readouts.head_angles(offline)),
        "pose_change_online": head_motion(readouts.head_angles(online)),
    }


def joints(motion: Motion, every: int) -> float:
    """Mean change from frame to frame where one piece of `every` frames joins the next, over that within pieces."""
    change = np.abs(np.diff(motion, axis=0)).mean(1)
    at_joint = np.arange(1, len(motion)) % every == 0
    return float(change[at_joint].mean() / change[~at_joint].mean())


def _apart(one: Motion, other: Motion) -> float:
    return float(np.sqrt(((one - other) ** 2).mean()))
