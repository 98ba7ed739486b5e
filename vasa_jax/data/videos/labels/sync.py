"""Whether sound and picture belong together, and by how much one is late: lips as seen against lips as heard."""

import numpy as np
from jaxtyping import Float

from vasa_jax import pretrained
from vasa_jax.data.encode_motion import speech_encoder
from vasa_jax.data.videos.labels import tables
from vasa_jax.errors import UserError
from vasa_jax.evaluation.signals import correlation_at
from vasa_jax.models import speech_of
from vasa_jax.room_weights import load_room

REACH = 15  # frames, 0.6 s
SHORTEST = 25  # frames that must overlap
TRUSTED = 0.5  # confidence from which on the offset is meant; clips of other speech stay below it (19 of 20 do)
STRETCH = 250  # frames: audio is padded to a multiple, so that few programs are compiled


class SyncReader:
    """Hears what the lips should do, by the speech encoder that ships and a linear read-out, and compares.

    Raises:
      UserError: the weights are not installed, or the read-out was measured with another encoder.
    """

    def __init__(self):
        config, params = load_room(pretrained.path(), "speech")
        if tables.fingerprint(params) != tables.ear_of_tables():
            command = "python -m vasa_jax.data.videos.labels.fit"
            raise UserError(f"{pretrained.labels()} belongs to another speech encoder: make it again with `{command}`")
        self._features = speech_encoder(speech_of(config["model"]), params, STRETCH)
        self._lips = tables.lips_heard()

    def lips_heard(self, audio: Float[np.ndarray, " samples"]) -> Float[np.ndarray, " time"]:
        """The lip opening that speech sounds like, frame by frame, in the unit of `labels.lip_opening`.

        Args:
          audio: (640 T,) at 16 kHz in [-1, 1].
        """
        return self._lips(self._features(audio.astype(np.float32)))

    def __call__(
        self, lip_opening: Float[np.ndarray, " time"], audio: Float[np.ndarray, " samples"]
    ) -> tuple[float, float]:
        """By how many frames the sound is late (negative: early), and a confidence; see `offset_of_curves`.

        Args:
          lip_opening: as seen, NaN where no face was found.
          audio: (640 T,) at 16 kHz in [-1, 1].
        """
        return offset_of_curves(lip_opening, self.lips_heard(audio))


def offset_of_curves(
    seen: Float[np.ndarray, " time"], heard: Float[np.ndarray, " heard_time"], reach: int = REACH
) -> tuple[float, float]:
    """The shift at which two curves of the lips agree best.

    Args:
      seen, heard: at 25 a second from the same start; frames that are not finite are left out.
      reach: largest shift in frames.

    Returns:
      offset: frames by which `heard` is late, between frames by a parabola through the three correlations at the peak.
      confidence: Pearson's correlation there; at TRUSTED or more the offset is meant. NaN, both, where no shift has
        SHORTEST frames in common, or one of the curves never changes.
    """
    count = min(len(seen), len(heard))
    shifts = range(-reach, reach + 1)
    seen, heard = (curve[:count].astype(np.float64) for curve in (seen, heard))
    found = np.array([correlation_at(heard, seen, shift, SHORTEST) for shift in shifts])
    if not np.isfinite(found).any():
        return float("nan"), float("nan")
    best = int(np.nanargmax(found))
    return best - reach + _summit(found[best - 1 : best + 2]), float(found[best])


def _summit(around: np.ndarray) -> float:
    """Where, from the middle one, the parabola through three values has its top; 0 at the edge of what was tried."""
    if len(around) < 3 or not np.isfinite(around).all():
        return 0.0
    before, middle, after = around
    bend = before - 2 * middle + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
