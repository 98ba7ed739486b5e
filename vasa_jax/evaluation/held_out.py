"""Held-out people in wide poses and strong expressions: what a face model is measured on."""

import dataclasses

import numpy as np

from vasa_jax.data import clips
from vasa_jax.evaluation.samples import portrait_index

DRIVERS = 8  # frames of each person that are drawn from the portrait
STRANGERS = (1, 3, 5, 7)  # how many people after the source the owner of a motion stands
STRANGER_FRAMES = 2
IDENTITY_YAW = np.radians(25.0)  # wider than this the identity network knows nobody

@dataclasses.dataclass(frozen=True)
class Person:
    """Some frames of one person.

    Attributes:
      identity: a name.
      frames: (T, S, S, 3) uint8.
      pose: (T, 7) true pose; see types.HeadPose. expression: (T, 57) true coefficients.
      landmarks: (T, 68, 2) true iBUG landmarks in [-1, 1], y up.
      portrait: index of the frame nearest to frontal and neutral.
    """

    identity: str
    frames: np.ndarray
    pose: np.ndarray
    expression: np.ndarray
    landmarks: np.ndarray
    portrait: int

    @property
    def others(self) -> np.ndarray:
        """Indices of all frames but the portrait."""
        return np.delete(np.arange(len(self.frames)), self.portrait)


def read_people(source, size: int, count: int | None = None, frames: int = 24) -> list[Person]:
    """The first `count` people (all if None), in the order of their names, from one clip each.

    The clip of kind "range" of a person who has one, since its frames are unrelated; else the first by name.

    Args:
      source: clip records (data.clips.open_clips).
      size: of the frames in pixels.
      frames: of each person, spread evenly over the clip.
    """
    found = {}
    for index in range(len(source)):
        record = source[index]
        identity, kind, name = (clips.text(record[key]) for key in ("identity", "kind", "clip"))
        order = kind != "range", name
        if identity not in found or order < found[identity][0]:
            found[identity] = order, record
    return [read_person(found[identity][1], size, frames) for identity in sorted(found)[:count]]


def read_person(record, size: int, frames: int) -> Person:
    """A clip record as a `Person`."""
    pose, expression = np.asarray(record["pose"]), np.asarray(record["expression"])
    portrait = portrait_index(pose[:, :3], expression)
    chosen = np.union1d(np.linspace(0, len(pose) - 1, min(frames, len(pose))).astype(int), portrait)
    return Person(
        identity=clips.text(record["identity"]),
        frames=clips.decode_frames(record, chosen, size),
        pose=pose[chosen],
        expression=expression[chosen],
        landmarks=np.asarray(record["landmarks"])[chosen],
        portrait=int(np.searchsorted(chosen, portrait)),
    )


class Crowd:
    """People and their frames in one row, and the choices of frames that every model is measured with.

    Attributes:
      count: how many people.
      frames, pose, expression, landmarks: as in `Person`, of all people one after the other: (n, ...).
      person: (n,) whose a frame is. portraits: (count,) indices of the portraits.
    """

    def __init__(self, people: list[Person]):
        self.count = len(people)
        self.frames, self.pose, self.expression, self.landmarks = (
            np.concatenate([getattr(person, name) for person in people])
            for name in ("frames", "pose", "expression", "landmarks")
        )
        lengths = [len(person.frames) for person in people]
        self.person = np.repeat(np.arange(self.count), lengths)
        first = np.cumsum([0, *lengths[:-1]])
        self.portraits = first + [person.portrait for person in people]
        self._others = [begin + person.others for begin, person in zip(first, people, strict=True)]

    def yaw(self, frames: np.ndarray) -> np.ndarray:
        """How far the heads in some frames are turned, in radians without sign."""
        return np.abs(self.pose[frames, 0])

    def drivers(self) -> tuple[np.ndarray, np.ndarray]:
        """Up to DRIVERS frames of each person beside the portrait, and whose they are."""
        chosen = [own[np.unique(np.linspace(0, len(own) - 1, DRIVERS).astype(int))] for own in self._others]
        return np.concatenate(chosen), np.repeat(np.arange(self.count), [len(own) for own in chosen])

    def strangers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frames that are not turned far, their owners, and the people who are to move like them."""
        near = [self.near(k)[:STRANGER_FRAMES] for k in range(self.count)]
        steps = sorted({step % self.count for step in STRANGERS} - {0})
        pairs = [(frame, k, (k - step) % self.count) for step in steps for k in range(self.count) for frame in near[k]]
        return tuple(np.array(pairs).T)

    def near(self, k: int) -> np.ndarray:
        """Frames of person k within IDENTITY_YAW beside the portrait; the least turned one where there is none."""
        yaw = self.yaw(self._others[k])
        return self._others[k][yaw < max(IDENTITY_YAW, yaw.min() + 1e-6)]

    def lively(self, k: int) -> int:
        """The frame of person k, not turned far, with the strongest expression."""
        near = self.near(k)
        return int(near[np.abs(self.expression[near]).sum(1).argmax()])

    def turned(self) -> np.ndarray:
        """For each person the frame of median |yaw|: a second portrait."""
        return np.array([own[np.argsort(self.yaw(own))[len(own) // 2]] for own in self._others])
