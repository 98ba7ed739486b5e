"""The gaze judge, trained on single frames with labels; it is then frozen for the losses of stage 1."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from ml_collections import ConfigDict

from vasa_jax.data import clips, pipeline
from vasa_jax.judges import gaze as judge
from vasa_jax.pixels import from_uint8
from vasa_jax.training import augment
from vasa_jax.training.from_config import fill, reading
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.stage import ALONE, Company, Phase, Report, Stage

OPEN = 0.15  # of judge.eye_openness: where lids are nearer to each other they hide the gaze


@dataclasses.dataclass(frozen=True)
class GazeFrames:
    """n = `frames` frames of one clip: image (n, S, S, 3) uint8, landmarks (n, 68, 2), gaze (n, 2)."""

    frames: int

    def __call__(self, record: pipeline.Record, generator: np.random.Generator) -> pipeline.Batch:
        chosen = pipeline.pick(len(record["gaze"]), self.frames, generator)
        labels = {name: record[name][chosen] for name in ("landmarks", "gaze")}
        return {"image": clips.decode_frames(record, chosen), **labels}


@dataclasses.dataclass(frozen=True)
class GazeLoss:
    """Distance of the unit vectors of gaze and label, near the angle between them: batch of GazeFrames -> scalar.

    Frames with shut eyes have no weight.

    Attributes:
      colour: strength of the change of colours.
      landmarks: standard deviation of the error of each landmark, and of the one that all of a face share, in [-1, 1].
    """

    colour: float = 1.0
    landmarks: float = 0.006

    def __call__(
        self, params: Any, batch: Mapping[str, Array], key: Array, company: Company = ALONE
    ) -> tuple[Array, dict[str, Array]]:
        colour_key, place_key = jax.random.split(key)
        flat = (batch[name].reshape(-1, *batch[name].shape[2:]) for name in ("image", "landmarks", "gaze"))
        image, exact, label = flat
        image = augment.jitter_colour(colour_key, from_uint8(image), self.colour)
        seen = judge.Gaze(params)(image, self._jitter(place_key, exact))
        apart = judge.direction(seen.angles) - judge.direction(label)
        distance = jnp.sqrt((apart**2).sum(-1) + 1e-6)  # which has a slope at zero
        weight = is_open(exact)
        count = jnp.maximum(weight.sum(), 1)
        loss = jnp.sum(weight * distance) / count
        return loss, {"loss": loss, "degrees": jnp.sum(weight * judge.degrees_between(seen.angles, label)) / count}

    def _jitter(self, key: Array, landmarks: Array) -> Array:
        each, shared = jax.random.split(key)
        error = jax.random.normal(each, landmarks.shape) + jax.random.normal(shared, (len(landmarks), 1, 2))
        return landmarks + self.landmarks * error


def is_open(landmarks: Array) -> Array:
    """(B,) 1 where the eyes are open and 0 where they are not."""
    return (judge.eye_openness(landmarks) > OPEN).astype(jnp.float32)


class GazeReport:
    """Mean angular error in degrees on all frames of held-out clips, the exact landmarks given.

    range_degrees, talk_degrees: frames with open eyes, by the kind of the clip; range_constant, talk_constant: what the
    mean of their labels would reach, so a network that sees nothing; shut_degrees: frames with shut eyes.
    """

    def __init__(self, source: Any, clip_count: int = 32):
        records = [source[i] for i in range(min(clip_count, len(source)))]
        self._images = [clips.decode_frames(record, range(len(record["gaze"]))) for record in records]
        self._landmarks, self._gaze = ([np.asarray(r[name]) for r in records] for name in ("landmarks", "gaze"))
        self._kinds = np.concatenate([[clips.text(r["kind"])] * len(r["gaze"]) for r in records])
        self._look = jax.jit(lambda params, image, landmarks: judge.Gaze(params)(from_uint8(image), landmarks).angles)

    def __call__(self, params: Any) -> Report:
        pairs = zip(self._images, self._landmarks, strict=True)
        angles = np.concatenate([self._look(params, image, landmarks) for image, landmarks in pairs])
        label = np.concatenate(self._gaze)
        opened = np.asarray(is_open(jnp.asarray(np.concatenate(self._landmarks)))) > 0
        error = np.asarray(judge.degrees_between(jnp.asarray(angles), jnp.asarray(label)))
        shown = {"shut_degrees": error[~opened]}
        for kind in clips.KINDS:
            chosen = opened & (self._kinds == kind)
            if chosen.any():
                constant = np.broadcast_to(label[chosen].mean(0), label[chosen].shape)
                blind = judge.degrees_between(jnp.asarray(constant), jnp.asarray(label[chosen]))
                shown |= {f"{kind}_degrees": error[chosen], f"{kind}_constant": np.asarray(blind)}
        return Report({name: float(values.mean()) for name, values in shown.items() if len(values)})


def gaze_stage(config: ConfigDict) -> Stage:
    """The gaze judge on the frames of all clips."""
    phase = Phase(
        name="gaze",
        until=1.0,
        batches=pipeline.batches(
            clips.open_clips(config.data.clips, "train"),
            GazeFrames(config.data.frames),
            reading(config, config.batch_size // config.data.frames, 0),
        ),
        loss=fill(GazeLoss, config.noise, "config.noise"),
        optimiser=fill(Optimiser, config.optimiser, "config.optimiser"),
    )
    return Stage(
        room="gaze",
        model={},
        init=judge.init_gaze,
        phases=(phase,),
        report=GazeReport(clips.open_clips(config.data.clips, "validation")),
    )
