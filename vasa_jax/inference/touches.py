"""What a user may change of a motion on its way to the face: how strong it is, which way head and eyes are turned, how
far eyes and lips are open."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from vasa_jax.errors import UserError
from vasa_jax.inference.controls import check_range, check_turn

MAX_STRENGTH, MAX_RATIO = 3.0, 0.8
# Of MediaPipe's mesh: corners of the mouth, and the middles of the inner edges of the lips.
MOUTH_CORNERS, INNER_LIPS = (61, 291), (13, 14)


@dataclass(frozen=True)
class Touches:
    """Changes to every frame; making one checks them.

    Attributes:
      strength: of the expression, 0 for the mean one of the training set, 1 as the motion has it, to MAX_STRENGTH.
      turn: yaw, pitch, roll in degrees by which the head is turned on: to the image's right, up, counter-clockwise.
      look: how far the eyes are turned on to the image's right and up, each -1 to 1.
      eyes, lips: how far they are open, height over width, from 0 to MAX_RATIO; None as the motion has them.
      landmarks: folder of the graphs of `judges.landmarks`, which measure how far the portrait's are open.

    Raises:
      UserError: a value out of range, or eyes or lips without landmarks.
    """

    strength: float = 1.0
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    look: tuple[float, float] = (0.0, 0.0)
    eyes: float | None = None
    lips: float | None = None
    landmarks: str | Path | None = None

    def __post_init__(self):
        check_turn(self.turn)
        check_range("strength of the expression", self.strength, 0.0, MAX_STRENGTH)
        for value in self.look:
            check_range("turn of the eyes", value, -1.0, 1.0)
        for name in ("eyes", "lips"):
            if getattr(self, name) is not None:
                check_range(f"opening of the {name}", getattr(self, name), 0.0, MAX_RATIO)
                if self.landmarks is None:
                    raise UserError(f"to open {name}, give --landmarks, the folder of MediaPipe's graphs")

    @property
    def moves(self) -> bool:
        """Whether they change the motion."""
        return self.strength != 1 or any(self.turn) or any(self.look)

    @property
    def opens(self) -> bool:
        """Whether they open eyes or lips."""
        return self.eyes is not None or self.lips is not None

    @property
    def needs_keypoints(self) -> bool:
        """Whether they ask for what keypoints alone can do, and no latent code."""
        return self.opens or any(self.look)

    def ratios(self, square: UInt8[np.ndarray, "size size 3"]) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Eyes (1, 3), two ratios of the portrait and the goal, and lips (1, 2), ratio and goal; None for what stays.

        Raises:
          UserError: the graphs are missing, or see no face.
        """
        from vasa_jax.judges.landmarks import LandmarkJudge

        track = LandmarkJudge(self.landmarks).track(square[None])
        if not np.isfinite(track.points).all():
            raise UserError("no face to measure eyes and lips of was found in the portrait")
        eyes, lips = eye_ratios(track.lids[0]), lip_ratio(track.points[0])
        return (
            None if self.eyes is None else np.array([[*eyes, self.eyes]], np.float32),
            None if self.lips is None else np.array([[lips, self.lips]], np.float32),
        )


def eye_ratios(lids: Float[np.ndarray, "2 16 2"]) -> tuple[float, float]:
    """Height at the middle over the distance of the corners, of the eye on the image's left and of the other.

    See `judges.landmarks.FaceTrack.lids` for the order of the points.
    """
    return tuple(_distance(lid[4], lid[12]) / _distance(lid[0], lid[8]) for lid in lids)


def lip_ratio(points: Float[np.ndarray, "468 3"]) -> float:
    """Height between the lips over the distance of the mouth's corners."""
    (left, right), (upper, lower) = MOUTH_CORNERS, INNER_LIPS
    return _distance(points[upper, :2], points[lower, :2]) / _distance(points[left, :2], points[right, :2])


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other))
