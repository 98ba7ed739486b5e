"""The held-out clips that the experiments look at: chosen, decoded and paired."""

import dataclasses

import numpy as np

from vasa_jax.data import clips
from vasa_jax.errors import UserError
from vasa_jax.types import SAMPLES_PER_FRAME


@dataclasses.dataclass(frozen=True)
class Sample:
    """One clip, decoded.

    Attributes:
      name, identity, text: what it is, who it shows, what is said.
      frames: (T, S, S, 3) uint8.
      audio: (640 T,) float32.
      angles: (T, 3) true yaw, pitch, roll in radians.
      lip_opening: (T,) true inner-lip gap over inter-ocular distance.
      eye_openness: (T,) 1 minus the true blink coefficients' mean.
      landmarks: (T, 68, 2) true iBUG landmarks in [-1, 1], y up.
      phones: labels, starts and ends in seconds.
      portrait: index of the frame that serves as the portrait.
    """

    name: str
    identity: str
    text: str
    frames: np.ndarray
    audio: np.ndarray
    angles: np.ndarray
    lip_opening: np.ndarray
    eye_openness: np.ndarray
    landmarks: np.ndarray
    phones: tuple[list[str], np.ndarray, np.ndarray]
    portrait: int


def read_samples(source, count: int | None) -> list[Sample]:
    """Decodes up to `count` speaking clips of a source of clip records, as many identities as possible first.

    Raises:
      UserError: the source has no speaking clip.
    """
    records = [source[index] for index in range(len(source))]
    talking = list(filter(clips.is_talk, records))
    if not talking:
        raise UserError("the split holds no speaking clip: make the clip set with --talk of at least 1")
    seen: dict[str, int] = {}
    turns = []
    for record in talking:
        identity = clips.text(record["identity"])
        turns.append(seen.setdefault(identity, 0))
        seen[identity] += 1
    order = np.argsort(turns, kind="stable")[:count]
    return [decode(talking[index]) for index in order]


def decode(record) -> Sample:
    """A clip record as a `Sample`."""
    pose, expression = np.asarray(record["pose"]), np.asarray(record["expression"])
    labels = [clips.text(label) for label in record["phones"]["label"]]
    times = (np.asarray(record["phones"][key], np.float32) for key in ("start", "end"))
    return Sample(
        name=clips.text(record["clip"]),
        identity=clips.text(record["identity"]),
        text=clips.text(record["text"]),
        frames=clips.decode_frames(record, range(len(record["frames"]))),
        audio=np.asarray(record["audio"], np.float32),
        angles=pose[:, :3],
        lip_opening=np.asarray(record["lip_opening"]),
        eye_openness=1 - expression[:, clips.EYE_BLINK].mean(1),
        landmarks=np.asarray(record["landmarks"]),
        phones=(labels, *times),
        portrait=portrait_index(pose[:, :3], expression),
    )


def portrait_index(angles: np.ndarray, expression: np.ndarray) -> int:
    """The frame nearest to frontal and neutral: least sum of |radians| and a tenth of |coefficients|, where they are
    known."""
    return int(np.argmin(np.abs(angles).sum(1) + 0.1 * np.nansum(np.abs(expression), 1)))


def swapped_audio(samples: list[Sample], index: int) -> np.ndarray | None:
    """Speech of a clip with another text, cut or repeated to the length of clip `index`, or None."""
    for step in range(1, len(samples)):
        other = samples[(index + step) % len(samples)]
        if other.text != samples[index].text:
            return np.resize(other.audio, len(samples[index].frames) * SAMPLES_PER_FRAME)
    return None
