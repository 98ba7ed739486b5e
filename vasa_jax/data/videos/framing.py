"""One square for a whole clip: the canonical framing of the head's usual place, held still."""

import numpy as np
from jaxtyping import Float

from vasa_jax.data.videos.faces import Face
from vasa_jax.data.videos.labels.pose import pose_of_landmarks
from vasa_jax.inference.crop import Square
from vasa_jax.judges import FaceTrack
from vasa_jax.judges.landmarks import track_in_square

# How far the head may get from the middle of the square, in half sides, and how many times larger or smaller it may be.
LARGEST_WAY, LARGEST_ZOOM = 0.35, 1.4
OVERHANG = 0.2  # share of the square's side that may lie outside of the picture


def track_of(faces: list[Face], square: Square) -> FaceTrack:
    """Faces in the pixels of a video, in the [-1, 1] of a square of it."""
    points, eyes = (np.array([getattr(face, name) for face in faces]) for name in ("points", "eyes"))
    return track_in_square(points, eyes, np.array([face.score for face in faces]), *square)


def head_places(faces: list[Face]) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 3"]]:
    """For each frame centre x, y and side of the canonical square in pixels, and yaw, pitch, roll in radians."""
    pose = pose_of_landmarks(track_of(faces, ((0.0, 0.0), 2.0)).points).astype(np.float64)
    return np.stack([pose[:, 3], -pose[:, 4], 2 * pose[:, 6]], 1), pose[:, :3]


def steady(places: Float[np.ndarray, "time 3"]) -> Square:
    """The median of the canonical squares."""
    x, y, side = np.median(places, axis=0).tolist()
    return (x, y), side


def moves_away(places: Float[np.ndarray, "time 3"], square: Square) -> bool:
    """Whether the head ever gets further from this square, or other in size, than a model should see."""
    centre, side = square
    way = np.abs(places[:, :2] - centre).max() / (side / 2)
    zoom = np.exp(np.abs(np.log(places[:, 2] / side)).max())
    return bool(way > LARGEST_WAY or zoom > LARGEST_ZOOM)


def overhang(square: Square, size: tuple[int, int]) -> float:
    """The share of the square's side that lies outside of a picture of that width and height, at its worst edge."""
    (x, y), side = square
    low, high = np.array([x, y]) - side / 2, np.array([x, y]) + side / 2 - size
    return float(max(0.0, *-low, *high) / side)
