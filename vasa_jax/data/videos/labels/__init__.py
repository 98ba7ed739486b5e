"""Labels of real videos: pure functions from what a landmark network, the pictures and the sound say, in units.

Each takes one clip as NumPy arrays. A frame without a face (NaN landmarks) has labels NaN, which say absent: none is
ever zero because it could not be had. `python -m vasa_jax.evaluation.labels` holds them against exact labels.
"""

from vasa_jax.data.videos.labels.emotion import EmotionReader
from vasa_jax.data.videos.labels.foreground import Segmenter
from vasa_jax.data.videos.labels.gaze import GazeReader
from vasa_jax.data.videos.labels.landmarks import eye_openness, ibug_landmarks, lip_opening
from vasa_jax.data.videos.labels.picture import brightness, sharpness
from vasa_jax.data.videos.labels.pose import head_distance, pose_of_landmarks
from vasa_jax.data.videos.labels.sound import music_share, speech_activity
from vasa_jax.data.videos.labels.sync import SyncReader, offset_of_curves

__all__ = [
    "EmotionReader",
    "GazeReader",
    "Segmenter",
    "SyncReader",
    "brightness",
    "eye_openness",
    "head_distance",
    "ibug_landmarks",
    "lip_opening",
    "music_share",
    "offset_of_curves",
    "pose_of_landmarks",
    "sharpness",
    "speech_activity",
]
