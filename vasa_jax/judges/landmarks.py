"""The independent judge of what a face does: MediaPipe's face mesh and eye contours, read from frames.

It shares nothing with the networks that it judges: other weights, other data, another runtime.
The face is found in the first frame and then followed: a frame's crop comes from the landmarks of the frame
before it, and the detector is asked again only where the face is lost. Lids are read by the iris network on
crops of the eyes, since the mesh alone hardly sees a blink.
"""

from pathlib import Path

import flax.struct
import numpy as np
from jaxtyping import Float, UInt8

from vasa_jax.judges import detector
from vasa_jax.judges.detector import Crop
from vasa_jax.judges.graphs import Graph

DETECTION_GRAPH, MESH_GRAPH = "face_detection_short_range.tflite", "face_landmark.tflite"
IRIS_GRAPH = "iris_landmark.tflite"
POINTS, MESH_SIDE = 468, 192
CONTOUR_POINTS, IRIS_SIDE = 16, 64
SCORE_THRESHOLD = 0.5
# Corners, from the image's left to its right, of the eye on the image's left and of the other.
EYE_CORNERS = ((33, 133), (362, 263))
# How much wider crops are than the mesh and than the distance of an eye's corners.
FACE_CROP, EYE_CROP = 1.5, 2.3


@flax.struct.dataclass
class FaceTrack:
    """The face in each of T frames; NaN in frames without a face.

    Attributes:
      points: (T, 468, 3) in the frame's [-1, 1], x right, y up, z towards the camera, zero near the head's
        middle.
      lids: (T, 2, 16, 2) contours of the eye on the image's left and of the other, in the frame's [-1, 1]:
        outer corner, seven points of the lower lid, inner corner, seven points of the upper lid from the
        outer end.
      irises: (T, 2, 2) centres of the irises of the same eyes, in the frame's [-1, 1].
      score: (T,) probability in [0, 1] that the crop held a face.
    """

    points: np.ndarray
    lids: np.ndarray
    irises: np.ndarray
    score: np.ndarray


class LandmarkJudge:
    """Runs the three graphs of a folder over frames.

    Raises:
      UserError: the runtime is not installed, or a graph is missing or damaged.
    """

    def __init__(self, folder: str | Path, threads: int = 1):
        self._detection = Graph(Path(folder) / DETECTION_GRAPH, threads)
        self._mesh = Graph(Path(folder) / MESH_GRAPH, threads)
        self._iris = Graph(Path(folder) / IRIS_GRAPH, threads)

    def track(self, frames: UInt8[np.ndarray, "time side side 3"]) -> FaceTrack:
        """Follows the face through square frames of any size."""
        crop, points, eyes, scores = None, [], [], []
        for frame in frames:
            found, score = self._follow(frame, crop)
            seen = score >= SCORE_THRESHOLD
            crop = face_crop(found) if seen else None
            points.append(found if seen else np.full_like(found, np.nan))
            eyes.append(self.read_eyes(frame, found) if seen else np.full((2, CONTOUR_POINTS + 1, 2), np.nan))
            scores.append(score)
        middle = frames.shape[1] / 2
        return track_in_square(np.array(points), np.array(eyes), np.array(scores), (middle, middle), 2 * middle)

    def _follow(self, frame: np.ndarray, crop: Crop | None) -> tuple[np.ndarray, float]:
        """Landmarks (468, 3) in pixels and their score, by the crop or, where that fails, by the detector."""
        if crop is not None:
            found, score = self.read_mesh(frame, crop)
            if score >= SCORE_THRESHOLD:
                return found, score
        found, score = self.read_mesh(frame, self._detect(frame))
        if score < SCORE_THRESHOLD:
            return found, score
        # The detector's crop is rough: reading again from the mesh's own crop agrees with followed frames.
        return self.read_mesh(frame, face_crop(found))

    def _detect(self, frame: np.ndarray) -> Crop:
        """The landmark crop of the best face; where the detector sees none, the whole frame."""
        for margin in (detector.MARGIN, 0.0):
            view = detector.whole(frame, margin)
            if found := self.detect_all(frame, view):
                return found[0]
        return detector.whole(frame, 0.0)

    def detect_all(self, frame: np.ndarray, view: Crop) -> list[Crop]:
        """The landmark crops of the faces in a view of a frame, the surest first."""
        regressors, logits = self._detection(view.cut(frame, detector.SIDE).astype(np.float32) / 127.5 - 1)
        return detector.decode_all(regressors.reshape(-1, 16), logits, view)

    def read_mesh(self, frame: np.ndarray, crop: Crop) -> tuple[np.ndarray, float]:
        """Landmarks (468, 3) in pixels, y down and z away from the camera, and the probability of a face."""
        points, logit = self._mesh(crop.cut(frame, MESH_SIDE).astype(np.float32) / 255)
        points = points.reshape(POINTS, 3) / MESH_SIDE
        in_frame = np.concatenate([crop.to_frame(points[:, :2]), points[:, 2:] * crop.side], -1)
        return in_frame, float(1 / (1 + np.exp(-logit[0])))

    def read_eyes(self, frame: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Contour and centre of the iris (2, 16 + 1, 2) in pixels. The network knows one eye; the other is shown
        mirrored."""
        found = []
        for mirrored, corners in enumerate(EYE_CORNERS):
            crop = eye_crop(points[corners[0], :2], points[corners[1], :2])
            image = crop.cut(frame, IRIS_SIDE).astype(np.float32) / 255
            contour, iris = self._iris(np.ascontiguousarray(image[:, ::-1]) if mirrored else image)
            contour, iris = (flat.reshape(-1, 3)[:, :2] / IRIS_SIDE for flat in (contour, iris))
            eye = np.concatenate([contour[:CONTOUR_POINTS], iris[:1]])
            found.append(crop.to_frame(eye * (-1, 1) + (1, 0) if mirrored else eye))
        return np.array(found)


def track_in_square(
    points: Float[np.ndarray, "time 468 3"],
    eyes: Float[np.ndarray, "time 2 17 2"],
    scores: Float[np.ndarray, " time"],
    centre: tuple[float, float],
    side: float,
) -> FaceTrack:
    """What was read in pixels, y down and z away from the camera, in the [-1, 1] of a square of such pixels.

    Args:
      eyes: contours of the lids, then the centre of the iris.
      centre, side: of the square.
    """
    unit = 2 / side
    points = (points - (*centre, 0)) * (unit, -unit, -unit)
    eyes = ((eyes - np.array(centre)) * (unit, -unit)).astype(np.float32)
    lids, irises = eyes[:, :, :CONTOUR_POINTS], eyes[:, :, CONTOUR_POINTS]
    return FaceTrack(points.astype(np.float32), lids, irises, np.array(scores, np.float32))


def face_crop(points: Float[np.ndarray, "468 3"]) -> Crop:
    """The crop of a face from its landmarks in pixels, upright along the line of the eyes."""
    flat = points[:, :2]
    low, high = flat.min(0), flat.max(0)
    first, second = flat[EYE_CORNERS[0][0]], flat[EYE_CORNERS[1][1]]
    return Crop((low + high) / 2, float((high - low).max()) * FACE_CROP, detector.angle_of(second - first))


def eye_crop(left: Float[np.ndarray, "2"], right: Float[np.ndarray, "2"]) -> Crop:
    """The crop of an eye from its two corners in pixels."""
    across = right - left
    return Crop((left + right) / 2, float(np.hypot(*across)) * EYE_CROP, detector.angle_of(across))
