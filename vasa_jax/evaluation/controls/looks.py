"""The same read from drawn frames by the independent landmark network.

What landmarks show is turned into angles and strengths by what the network says of true frames, whose labels are
known, so that its own habits do not count as the model's.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vasa_jax.data import clips
from vasa_jax.evaluation import probes
from vasa_jax.evaluation.controls.motion_probes import trustworthy, unshrunk
from vasa_jax.judges import FaceTrack, LandmarkJudge, readings

FRAMES = 4  # of each true clip
# Landmarks of MediaPipe's mesh, of the image's left and right side where there are two.
MOUTH_CORNERS, LIPS_MIDDLE = (61, 291), (13, 14)
INNER_BROWS, OUTER_BROWS = (55, 285), (70, 300)
INNER_CORNERS, OUTER_CORNERS = (133, 362), (33, 263)
NOSE_BASE, UPPER_LIP = 2, 0


@dataclasses.dataclass(frozen=True)
class Looks:
    """What the network says of frames of one face.

    Attributes:
      gaze: track -> (T, 2) degrees, yaw and pitch.
      effects: (6, 7) what each emotion at full strength does to `features`, in their spread among people.
      spread: (7,) of them.
      trust: {"gaze": R^2 and error in degrees}, as in `MotionProbes`.
    """

    gaze: Callable[[FaceTrack], np.ndarray]
    effects: np.ndarray
    spread: np.ndarray
    trust: dict[str, dict[str, list[float]]]

    def strength(self, features: Float[np.ndarray, "7"], neutral: Float[np.ndarray, "7"], emotion: int) -> float:
        """How strong an emotion looks: the change from the same face without one, along what that emotion does."""
        effect = self.effects[emotion]
        return float(((features - neutral) / self.spread) @ effect / (effect @ effect))


def fit(judge: LandmarkJudge, folder: str | Path, count: int, split: str = "train") -> Looks:
    """Looks at FRAMES frames of each of `count` clips with labels.

    Raises:
      UserError: no such clip set or split.
    """
    source = clips.open_clips(folder, split)
    gazes, seen, people, looks, emotions = [], [], [], [], []
    for index in np.unique(np.linspace(0, len(source) - 1, count).astype(int)).tolist():
        record = source[index]
        chosen = np.linspace(0, len(record["frames"]) - 1, FRAMES).astype(int)
        track = judge.track(clips.decode_frames(record, chosen))
        found = np.isfinite(track.points).all((1, 2))
        if not found.any():
            continue
        seen.append(eyes(track)[found])
        gazes.append(np.degrees(record["gaze"][chosen][found]))
        people.append(np.full(found.sum(), len(people)))
        looks.append(features(track)[found].mean(0))
        emotions.append(record["emotion"])
    seen, gazes, people = (np.concatenate(rows) for rows in (seen, gazes, people))
    effects, spread = emotion_effects(np.stack(looks), np.stack(emotions))
    across = probes.read_across(seen, gazes, people)
    read = unshrunk(probes.ridge(seen, gazes), across, gazes)
    return Looks(lambda track: read(eyes(track)), effects, spread, {"gaze": trustworthy(across, gazes)})


def emotion_effects(
    looks: Float[np.ndarray, "n features"], emotions: Float[np.ndarray, "n emotions"]
) -> tuple[Float[np.ndarray, "emotions features"], Float[np.ndarray, " features"]]:
    """What emotions do to features, by least squares over people, in units of the spread among people that they do not
    explain; and that spread."""
    columns = np.concatenate([emotions, np.ones((len(emotions), 1))], 1)
    effects = np.linalg.lstsq(columns, looks, rcond=None)[0]
    spread = (looks - columns @ effects).std(0) + 1e-9
    return effects[:-1] / spread, spread


def eyes(track: FaceTrack) -> Float[np.ndarray, "time 8"]:
    """What a gaze in the camera's frame is read from: angles of the head, offsets of the irises, gap of the lids."""
    offsets = readings.iris_offsets(track).reshape(-1, 4)
    return np.concatenate([readings.head_angles(track), offsets, readings.eye_openness(track)[:, None]], 1)


def features(track: FaceTrack) -> Float[np.ndarray, "time 7"]:
    """What emotions change, along the face's own axes, over the distance of the outer corners of the eyes: height of
    the mouth's corners over its middle, width of the mouth, heights of inner and outer brows over the eyes, distance of
    the inner brows, gap of nose and upper lip; and the gap of the lids."""
    points = track.points.astype(np.float64)
    axes = readings.face_axes(points)

    def between(first: tuple[int, ...], second: tuple[int, ...], axis: int) -> np.ndarray:
        away = points[:, list(first)].mean(1) - points[:, list(second)].mean(1)
        return (away * axes[..., axis]).sum(-1)

    scale = between(OUTER_CORNERS[1:], OUTER_CORNERS[:1], 0)
    measures = [
        between(MOUTH_CORNERS, LIPS_MIDDLE, 1),
        between(MOUTH_CORNERS[1:], MOUTH_CORNERS[:1], 0),
        between(INNER_BROWS, INNER_CORNERS, 1),
        between(OUTER_BROWS, OUTER_CORNERS, 1),
        between(INNER_BROWS[1:], INNER_BROWS[:1], 0),
        between((NOSE_BASE,), (UPPER_LIP,), 1),
    ]
    return np.stack([*(measure / scale for measure in measures), readings.eye_openness(track)], 1)


@dataclasses.dataclass(frozen=True)
class Seen:
    """What drawn frames of one point show, as medians and means over its frames; NaN where no face was found.

    Attributes:
      gaze: (2,) degrees. size: of the face. features: (7,).
    """

    gaze: np.ndarray
    size: float
    features: np.ndarray


def look(track: FaceTrack, looks: Looks) -> Seen:
    """Reads the frames of one point of a sweep."""
    found = np.isfinite(track.points).all((1, 2))
    if not found.any():
        return Seen(np.full(2, np.nan), float("nan"), np.full(7, np.nan))
    gaze = np.median(looks.gaze(track)[found], 0)
    return Seen(gaze, float(np.median(readings.face_size(track)[found])), features(track)[found].mean(0))
