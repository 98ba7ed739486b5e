"""The same sound offline and online: how far apart the motions are, and what it costs in delay to bring them nearer."""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from vasa_jax.evaluation.readouts import Readouts
from vasa_jax.evaluation.signals import correlation, head_motion
from vasa_jax.types import SAMPLE_RATE

Motion = Float[np.ndarray, "time motion"]
HOPS_AHEAD = (0, 1, 2, 4)


def compare(
    animator: Any, portrait: np.ndarray, sound: Float[np.ndarray, " samples"], hop: int, seed: int, readouts: Readouts
) -> list[dict[str, Any]]:
    """Rows as `row` makes them: streams that look ahead by HOPS_AHEAD and by a window, then, offline, the same seed and
    another.

    Args:
      sound: at 16 kHz.
      hop: frames that the streams make at once.
    """
    window = animator.checkpoint.models.motion.window
    whole = window // hop
    streams = [
        animator.stream(portrait, hop=hop, look_ahead=hops * hop, seed=seed)
        for hops in (*(hops for hops in HOPS_AHEAD if hops < whole), whole)
    ]
    controls = streams[0].controls
    offline, other = (animator.move(sound, SAMPLE_RATE, replace(controls, seed=s)) for s in (seed, seed + 1))
    rows = []
    for stream in streams:
        stream.feed(sound, SAMPLE_RATE)
        stream.finish()
        online = np.stack([frame.motion for frame in stream.ready()])
        rows.append({"delay": stream.delay, **row(readouts, offline, online, hop)})
    return [*rows, *({"delay": None, **row(readouts, offline, motion, window)} for motion in (offline, other))]


def row(readouts: Readouts, offline: Motion, motion: Motion, piece: int) -> dict[str, float]:
    """What a motion shares with the one offline of the same sound and seed.

    Args:
      offline, motion: standardised.
      piece: frames that are made at once.

    Returns:
      "distance": root mean square difference, in deviations of the training's motion; "lips": correlation of the lips'
      opening; "pose_change": dP of the motion in degrees a frame; "joints": see `joints`.
    """
    return {
        "distance": float(np.sqrt(((offline - motion) ** 2).mean())),
        "lips": correlation(readouts.lip_opening(offline), readouts.lip_opening(motion)),
        "pose_change": head_motion(readouts.head_angles(motion)),
        "joints": joints(motion, piece),
    }


def joints(motion: Motion, every: int) -> float:
    """Mean change from frame to frame where one piece of `every` frames joins the next, over that within pieces."""
    change = np.abs(np.diff(motion, axis=0)).mean(1)
    at_joint = np.arange(1, len(motion)) % every == 0
    return float(change[at_joint].mean() / change[~at_joint].mean())
