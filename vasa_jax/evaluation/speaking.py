"""Experiment 1, speech-driven: portraits of held-out people speak with a held-out voice, and the judges look.

The judges read the generated frames and the true ones alike; what they say of the true frames is the best
that any system could reach, since they err too.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from vasa_jax.evaluation import people, phones, signals
from vasa_jax.evaluation.samples import Sample, swapped_audio
from vasa_jax.judges import FaceTrack, Identity, LandmarkJudge, align, readings
from vasa_jax.judges.alignment import MESH_POINTS
from vasa_jax.judges.readings import Readings
from vasa_jax.pixels import from_uint8

# (portrait (S, S, 3) uint8, audio (640 T,) float32, seed) -> frames (T, S, S, 3) uint8
Animate = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
IDENTITY_FRAMES = 6
SHIFT_REACH = 4


@dataclasses.dataclass(frozen=True)
class Judges:
    """The networks that look: landmarks on every frame, identity on some."""

    landmarks: LandmarkJudge
    identity: Identity


@dataclasses.dataclass(frozen=True)
class Spoken:
    """A clip with what was generated for it and what was measured.

    Attributes:
      sample: the clip.
      frames: (T, S, S, 3) uint8, generated from its portrait and its audio.
      row: measurements by name.
      portrait: (n, 128) descriptors of the portrait; n is 0 where no face was found.
      descriptors: (n, 128) of generated frames.
    """

    sample: Sample
    frames: np.ndarray
    row: dict
    portrait: np.ndarray
    descriptors: np.ndarray


def speak(animate: Animate, judges: Judges, samples: list[Sample], index: int) -> Spoken:
    """Generates clip `index` from its own audio and from another clip's; measures both against its truth."""
    sample = samples[index]
    portrait = sample.frames[sample.portrait]
    frames = animate(portrait, sample.audio, index)
    read, true = readings.read(judges.landmarks, frames), readings.read(judges.landmarks, sample.frames)
    row = {"clip": sample.name, "identity": sample.identity, **measure(sample, read, true)}
    other = swapped_audio(samples, index)
    if other is not None:
        swapped = readings.read(judges.landmarks, animate(portrait, other, index))
        row["lips_swapped"] = _compare(swapped.lip_opening, sample.lip_opening)
    chosen = np.unique(np.linspace(0, len(frames) - 1, IDENTITY_FRAMES).astype(int))
    own = describe(judges.identity, portrait[None], judges.landmarks.track(portrait[None]))
    picked = jax.tree.map(lambda x: x[chosen], read.track)
    return Spoken(sample, frames, row, own, describe(judges.identity, frames[chosen], picked))


def measure(sample: Sample, read: Readings, true: Readings) -> dict:
    """All measurements of one clip that need no other clip, from readings of its generated and true frames.

    `lips...` are correlations of lip opening. Without a prefix a measurement is of the generated frames, with
    "true_" of the true frames as the judge reads them, with "label_" of the true labels.
    """
    reach = range(-SHIFT_REACH, SHIFT_REACH + 1)
    row = {
        "frames": len(read.lip_opening),
        "lost": int((~np.isfinite(read.lip_opening)).sum()),
        "lips": _compare(read.lip_opening, sample.lip_opening),
        "lips_by_judge": _compare(read.lip_opening, true.lip_opening),
        "lips_ceiling": _compare(true.lip_opening, sample.lip_opening),
        "lips_by_shift": {shift: _compare(read.lip_opening, sample.lip_opening, shift) for shift in reach},
    }
    labels = Readings(sample.lip_opening, sample.eye_openness, sample.angles, true.track)
    for prefix, curves in (("", read), ("true_", true), ("label_", labels)):
        lips = curves.lip_opening.astype(np.float64)
        row[f"{prefix}phones"] = dataclasses.asdict(phones.closure(lips, *sample.phones))
        row[f"{prefix}seen"] = int(np.isfinite(curves.eye_openness).sum())
        row[f"{prefix}blinks"] = signals.blinks(curves.eye_openness)
        row[f"{prefix}motion"] = signals.head_motion(curves.head_angles)
        row[f"{prefix}motion_smooth"] = signals.head_motion(signals.smooth(curves.head_angles))
    return row


def describe(identity: Identity, frames: np.ndarray, track: FaceTrack) -> np.ndarray:
    """(n, 128) identity descriptors of the frames in which a face was found."""
    seen = np.isfinite(track.points).all((1, 2))
    if not seen.any():
        return np.zeros((0, 128), np.float32)
    points = jnp.asarray(track.points[seen][:, list(MESH_POINTS), :2])
    chips = align(from_uint8(frames[seen]), points)
    return np.asarray(identity(chips))


def identity_similarities(spoken: list[Spoken]) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of generated frames to the portrait they come from, and to portraits of other people."""
    own, other = [], []
    for clip in spoken:
        for portrait in spoken:
            if portrait is not clip and portrait.sample.identity == clip.sample.identity:
                continue
            cosines = people.cosine_similarity(clip.descriptors, portrait.portrait).ravel()
            (own if portrait is clip else other).append(cosines)
    return tuple(np.concatenate(values) if values else np.zeros(0) for values in (own, other))


def _compare(curve: np.ndarray, reference: np.ndarray, shift: int = 0) -> float:
    length = min(len(curve), len(reference))
    curve, reference = (x[:length].astype(np.float64) for x in (curve, reference))
    return signals.correlation_at(curve, reference, shift)
