"""The data that travels between the rooms, each named once: pose, motion, appearance, conditions.

All are frozen pytrees, so they can be jitted, sharded, scanned and stored as they are. `B` is the batch, `T` frames;
a leading `...` stands for any such axes. Space: x right, y up, z towards the camera; the image is [-1, 1] x [-1, 1].
"""

from dataclasses import dataclass
from typing import Any

import flax.struct
import jax.numpy as jnp
from jax import Array

FPS = 25
SAMPLE_RATE = 16_000
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
POSE_SIZE = 7
Leaf = Any  # an array; or what stands for one while a tree is mapped or only shapes are traced
EMOTIONS = ("happy", "sad", "angry", "surprised", "afraid", "disgusted")
SAMPLERS = ("ddim", "dpm")


@flax.struct.dataclass
class HeadPose:
    """Where the head is: `image = scale * R @ canonical + translation` (weak perspective, x and y are seen).

    Attributes:
      rotation: (..., 3) yaw, pitch, roll in radians; R = Rz(roll) Ry(yaw) Rx(pitch). Yaw turns the nose to the image's
        right, pitch turns it down, roll turns the head counter-clockwise as seen.
      translation: (..., 3) in units of half the image side.
      scale: (..., 1) size of the head relative to the reference distance; positive.
    """

    rotation: Leaf
    translation: Leaf
    scale: Leaf

    @property
    def vector(self) -> Array:
        """(..., 7): rotation, translation, scale."""
        return jnp.concatenate([self.rotation, self.translation, self.scale], -1)

    @classmethod
    def from_vector(cls, vector: Array) -> "HeadPose":
        return cls(vector[..., 0:3], vector[..., 3:6], vector[..., 6:7])


@flax.struct.dataclass
class Motion:
    """What moves and holds no identity: X = [z_pose, z_dyn] of VASA-1, section 3.1.

    Attributes:
      pose: z_pose, the head's rigid pose.
      dynamics: (..., Z) z_dyn, one holistic code of lips, expression, gaze and blinks.
    """

    pose: HeadPose
    dynamics: Leaf

    @property
    def vector(self) -> Array:
        """(..., 7 + Z): pose, then dynamics; what the diffusion transformer generates."""
        return jnp.concatenate([self.pose.vector, self.dynamics], -1)

    @classmethod
    def from_vector(cls, vector: Array) -> "Motion":
        return cls(HeadPose.from_vector(vector[..., :POSE_SIZE]), vector[..., POSE_SIZE:])


@flax.struct.dataclass
class Appearance:
    """What a portrait keeps while its head moves; computed once a portrait.

    Attributes:
      volume: (B, D, H, W, C) canonical volume V_app.
      identity: (B, 4, 4, N) identity code z_id.
      source: None, or with the warped source skip (not in the paper) the portrait and its features in the order
        image (B, S, S, 3) in [-1, 1], features (B, S/2, S/2, F); the volume then ends in two more channels, the source
        x and y that each canonical cell was seen at.
    """

    volume: Leaf
    identity: Leaf
    source: tuple[Leaf, Leaf] | None = None


@dataclass(frozen=True)
class Framing:
    """The square around a head that a face model takes, told from the canonical one: that of a head at the reference
    distance in the middle of its image.

    Attributes:
      side: its side in sides of the canonical square.
      shift: from that square's centre to its own, in such sides, x right, y down.
    """

    side: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    def of(self, centre: tuple[float, float], side: float) -> tuple[tuple[float, float], float]:
        """Centre and side of this square, from those of the canonical one, in pixels."""
        return (centre[0] + self.shift[0] * side, centre[1] + self.shift[1] * side), self.side * side


@flax.struct.dataclass
class Conditions:
    """C = [X_pre, A_pre; A, g, d, e] of VASA-1, section 3.2, for one window of W frames with K frames of history.

    Attributes:
      previous_motion: (B, K, M) standardised motion of the frames before the window.
      previous_audio: (B, K, F) audio features of those frames.
      audio: (B, W, F) audio features of the window.
      audio_length: (B,) int32, how many of the W frames have audio; the rest counts as absent.
      gaze: (B, 2) main gaze direction, yaw and pitch in radians in the camera's frame.
      distance: (B, 1) head distance, 1 at the reference.
      emotion: (B, E) strengths in [0, 1], in the order of EMOTIONS.
      has_previous, has_audio, has_gaze, has_distance, has_emotion: (B,) bool; a learned null token stands in for False.
    """

    previous_motion: Leaf
    previous_audio: Leaf
    audio: Leaf
    audio_length: Leaf
    gaze: Leaf
    distance: Leaf
    emotion: Leaf
    has_previous: Leaf
    has_audio: Leaf
    has_gaze: Leaf
    has_distance: Leaf
    has_emotion: Leaf
