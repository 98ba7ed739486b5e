"""What a user may steer, checked and brought into the units of the networks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.types import EMOTIONS, SAMPLERS

MAX_GAZE = 60.0
MAX_TURN = 60.0
MIN_DISTANCE, MAX_DISTANCE = 0.5, 2.0
MAX_STEPS = 1000
MAX_SCALE = 10.0
MAX_BLINKS = 60.0
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class Controls:
    """The controls of one video, as the user gives them; making one checks them.

    Attributes:
      seed: of the noise that motion is made from, 0 to 2^32 - 1.
      steps: diffusion steps, 1 to 1000. Another number of steps is another program to compile.
      audio_cfg: guidance scale of the speech, 0 for none.
      gaze_cfg: guidance scale of the gaze, 0 for none.
      gaze: yaw, pitch of the eyes' main direction in degrees in the camera's frame; positive is the image's
        right, up.
      distance: of the head, 1 at the reference; None for the mean of the training set.
      emotion: None or "neutral", one of EMOTIONS, or one with a strength from 0 to 1 as in "happy:0.5".
      distance_cfg, emotion_cfg: guidance scales of the distance and of the emotion, 0 for none, as in the paper. Each
        that is not 0 costs a quarter of the sampling time more, and is another program to compile.
      blinks: a minute, 0 to 60; None for those that speech makes.
      sampler: "ddim", or "dpm", which comes nearer to the exact solution in few steps; see `motion.solvers`.
      eta: of ddim, 0 to 1: share of fresh noise in each step.
      fast: let the few-step student of the weights sample, if they hold one, in its own number of steps; its guidance
        scales have their own ranges, see `check_fast`.

    Raises:
      UserError: a value outside its range.
    """

    seed: int = 0
    steps: int = 50
    audio_cfg: float = 0.5
    gaze_cfg: float = 1.0
    gaze: tuple[float, float] = (0.0, 0.0)
    distance: float | None = None
    emotion: str | None = None
    distance_cfg: float = 0.0
    emotion_cfg: float = 0.0
    blinks: float | None = None
    sampler: str = "ddim"
    eta: float = 0.0
    fast: bool = False

    def __post_init__(self):
        check_range("seed", self.seed, 0, MAX_SEED)
        check_range("number of steps", self.steps, 1, MAX_STEPS)
        for name in ("audio", "gaze", "distance", "emotion"):
            check_range(f"guidance scale of the {name}", getattr(self, f"{name}_cfg"), 0, MAX_SCALE)
        if len(self.gaze) != 2:
            raise UserError(f"the gaze is two numbers, yaw and pitch in degrees, not {len(self.gaze)}")
        for name, angle in zip(("yaw", "pitch"), self.gaze, strict=True):
            check_range(f"gaze {name} in degrees", angle, -MAX_GAZE, MAX_GAZE)
        if self.distance is not None:
            check_range("distance", self.distance, MIN_DISTANCE, MAX_DISTANCE)
        parse_emotion(self.emotion)
        if self.blinks is not None:
            check_range("number of blinks a minute", self.blinks, 0, MAX_BLINKS)
        self._check_sampler()

    def _check_sampler(self):
        if self.sampler not in SAMPLERS:
            raise UserError(f"no sampler is called {self.sampler!r}; there are {', '.join(SAMPLERS)}")
        check_range("eta", self.eta, 0, 1)
        if self.eta and self.sampler != "ddim":
            raise UserError(f"eta goes with the sampler ddim, not with {self.sampler}")
        if self.fast and (self.steps, self.sampler, self.eta) != (50, "ddim", 0.0):
            raise UserError("fast has a number of steps and a sampler of its own: leave steps, sampler and eta out")

    @property
    def guidance(self) -> dict[str, float]:
        """Guidance scales by the name of their condition."""
        rarer = {"distance": self.distance_cfg, "emotion": self.emotion_cfg}
        used = {name: scale for name, scale in rarer.items() if scale}
        return {"audio": self.audio_cfg, "gaze": self.gaze_cfg, **used}

    def arrays(self, mean_distance: float) -> dict[str, np.ndarray]:
        """Gaze (1, 2) in radians, distance (1, 1), emotion (1, 6), float32."""
        distance = mean_distance if self.distance is None else self.distance
        return {
            "gaze": np.deg2rad(np.array([self.gaze], np.float32)),
            "distance": np.array([[distance]], np.float32),
            "emotion": parse_emotion(self.emotion)[None],
        }


def check_fast(student: Mapping[str, Any] | None, controls: Controls) -> None:
    """Whether the few-step student of some weights can do what is asked of it.

    Args:
      student: the section of that name in the weights' config; None if they hold no student.

    Raises:
      UserError: there is no student, or it has not learned such guidance.
    """
    if student is None:
        raise UserError("these weights hold no few-step student: leave fast out, or take fewer steps")
    learned = student["guidance"]
    for name, scale in controls.guidance.items():
        if scale and name not in learned:
            raise UserError(f"the few-step student has not learned guidance of the {name}: leave it or fast out")
        if scale:
            check_range(f"few-step student's guidance scale of the {name}", scale, 0, learned[name])


def parse_gaze(text: str) -> tuple[float, float]:
    """Two numbers from the words YAW,PITCH, in degrees; UserError if they are anything else."""
    return _numbers(text, 2, "the gaze is YAW,PITCH in degrees, such as 10,-5")


def parse_turn(text: str) -> tuple[float, float, float]:
    """Three numbers from the words YAW,PITCH,ROLL, in degrees; UserError if they are anything else."""
    return _numbers(text, 3, "the turn is YAW,PITCH,ROLL in degrees, such as 20,-5,0")


def parse_look(text: str) -> tuple[float, float]:
    """Two numbers from the words X,Y; UserError if they are anything else."""
    return _numbers(text, 2, "the turn of the eyes is X,Y from -1 to 1, such as 0.5,0")


def check_turn(turn: tuple[float, float, float]) -> np.ndarray:
    """Yaw, pitch, roll (3,) float32 in radians with the signs of `types.HeadPose`; given is pitch upwards, as in gaze.

    Raises:
      UserError: not three numbers, or one of more than MAX_TURN degrees.
    """
    if len(turn) != 3:
        raise UserError(f"the turn is three numbers, yaw, pitch and roll in degrees, not {len(turn)}")
    for name, angle in zip(("yaw", "pitch", "roll"), turn, strict=True):
        check_range(f"turn's {name} in degrees", angle, -MAX_TURN, MAX_TURN)
    return np.deg2rad(np.array(turn, np.float32) * np.array([1, -1, 1], np.float32))


def parse_emotion(text: str | None) -> np.ndarray:
    """Strengths (6,) in the order of EMOTIONS; UserError for an unknown name or a strength outside 0 to 1."""
    strengths = np.zeros(len(EMOTIONS), np.float32)
    if text is None:
        return strengths
    name, _, strength = text.partition(":")
    if name not in ("neutral", *EMOTIONS):
        raise UserError(f"no emotion is called {name!r}; there are neutral, {', '.join(EMOTIONS)}")
    try:
        value = float(strength) if strength else 1.0
    except ValueError as error:
        raise UserError(f"the strength of an emotion is a number from 0 to 1, not {strength!r}") from error
    check_range("strength of an emotion", value, 0, 1)
    if name in EMOTIONS:
        strengths[EMOTIONS.index(name)] = value
    return strengths


def _numbers(text: str, count: int, what: str) -> tuple[float, ...]:
    """Numbers between commas; `what` tells what they should be."""
    try:
        found = tuple(float(part) for part in text.split(","))
        if len(found) == count:
            return found
    except ValueError:
        pass
    raise UserError(f"{what}, not {text!r}")


def check_range(what: str, value: float | int, low: float | int, high: float | int) -> None:
    """UserError unless the value is a number from `low` to `high`."""
    if not (math.isfinite(value) and low <= value <= high):
        raise UserError(f"the {what} is from {low:g} to {high:g}, not {value:g}")
