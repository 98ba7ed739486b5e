"""Stage 1 from its config: which parts the training has, and what each of them loses, looks through and reads.

    encoders on labels | whole model, 256 pixels | ... | 512 pixels, with the critic | ...
    0 ---- encoders.share ------ a new part wherever a loss or a resolution begins -------- 1   share of the budget

Every part is a compiled program of its own, so a loss that has not begun costs nothing. Weights, optimiser and average
go on from one part of the whole model to the next.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from vasa_jax.data import clips, pipeline
from vasa_jax.errors import UserError
from vasa_jax.face import FaceModel, build_face
from vasa_jax.face.critic import Critic
from vasa_jax.training import face, face_report
from vasa_jax.training.face_judges import load_judges
from vasa_jax.training.face_terms import Judges
from vasa_jax.training.from_config import fill, first_weights, reading
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.precision import Precision
from vasa_jax.training.stage import Phase, Stage

ADVERSARIAL = ("adversarial", "feature_matching")
LABELS = {"pose": (7,), "expression": (clips.EXPRESSION_SIZE,), "landmarks": (clips.LANDMARKS, 2)}


@dataclasses.dataclass(frozen=True)
class Part:
    """A stretch of the whole model's training in which nothing begins.

    Attributes:
      begins, until: shares of the whole budget.
      size: side of the images in pixels. batch_size: people in a step.
      weights: of the losses that are on.
    """

    begins: float
    until: float
    size: int
    batch_size: int
    weights: face.Weights


def face_stage(config: ConfigDict) -> Stage:
    """Encoders on labels for the first share of the budget, then the whole model.

    Raises:
      UserError: something in the config, a file that it names, or the data does not serve.
    """
    source = clips.open_clips(config.data.clips, "train")
    scale = jnp.asarray(pipeline.expression_scale(source))
    model, judges = model_of(config), load_judges(config.judges)
    check_judges(config, judges)
    phases = [
        dataclasses.replace(phase, batches=pipeline.batches(source, sample, reading(config, size, number)))
        for number, (phase, sample, size) in enumerate(_phases(config, scale, judges))
    ]
    validation = clips.open_clips(config.data.clips, "validation")
    shown = dataclasses.replace(pairs_of(config, model.image_size), candidates=1)  # pairs as they come
    return Stage(
        room="face",
        model=config.model.to_dict(),
        init=init_of(model),
        phases=tuple(phases),
        report=face_report.FaceReport(model, validation, shown, identity=judges.identity),
        critic_init=critic_init_of(config),
        weights=first_weights(config),
    )


def _phases(config: ConfigDict, scale: jax.Array, judges: Judges) -> list[tuple[Phase, Callable, int]]:
    """Each phase without its data, what samples a clip for it, and its batch size."""
    phases = []
    if config.encoders.share:
        sample = pipeline.Singles(config.encoders.frames)
        phases.append((encoder_phase(config, scale), sample, config.encoders.batch_size))
    for part in parts(config):
        phases.append((whole_phase(config, part, scale, judges), pairs_of(config, part.size), part.batch_size))
    return phases


def parts(config: ConfigDict) -> list[Part]:
    """The parts of the whole model's training, in order."""
    weights = fill(face.Weights, config.losses, "config.losses")
    fill(face.Weights, config.starts, "config.starts")  # only losses can begin
    starts = config.starts.to_dict()
    sizes = tuple(config.resolutions) or ((0.0, config.model.image_size, config.batch_size),)
    first = config.encoders.share
    cuts = sorted({first, *(max(first, at) for at in (*starts.values(), *(size[0] for size in sizes)))})
    if not 0 <= cuts[0] <= cuts[-1] < 1:
        raise UserError("config.starts and config.resolutions are shares of the budget, from 0 to below 1")
    found = []
    for begins, until in zip(cuts, [*cuts[1:], 1.0], strict=True):
        off = {name: 0.0 for name, at in starts.items() if at > begins}
        _, size, batch_size = [size for size in sizes if size[0] <= begins][-1]
        found.append(Part(begins, until, size, batch_size, dataclasses.replace(weights, **off)))
    return found


def whole_phase(config: ConfigDict, part: Part, scale: jax.Array, judges: Judges) -> Phase:
    """A part of the whole model's training, without its data."""
    rule = fill(Optimiser, config.optimiser, "config.optimiser")
    playing = part.weights.any(*ADVERSARIAL)
    loss = face.FaceLoss(
        model=model_of(config, part.size),
        weights=part.weights,
        noise=fill(face.Noise, config.noise, "config.noise"),
        expression_scale=scale,
        critic=critic_of(config),
        precision=fill(Precision, config.precision, "config.precision"),
        perceptual_levels=config.judges.perceptual_levels,
    )
    return Phase(
        name="face",
        until=part.until,
        batches=None,
        loss=loss,
        optimiser=rule,
        critic_optimiser=critic_rule(config) if playing else None,
        judges=judges,
        accumulate=config.accumulate,
        begins=config.encoders.share,
        ends=1.0,
        fresh=part.begins == config.encoders.share,
    )


def encoder_phase(config: ConfigDict, scale: jax.Array) -> Phase:
    """The encoders alone, on labels; without its data."""
    first, rule = config.encoders, fill(Optimiser, config.optimiser, "config.optimiser")
    loss = face.EncoderLoss(
        model=model_of(config),
        weights=fill(face.Weights, config.losses, "config.losses"),
        noise=fill(face.Noise, config.noise, "config.noise"),
        expression_scale=scale,
        precision=fill(Precision, config.precision, "config.precision"),
    )
    rule = dataclasses.replace(rule, learning_rate=first.learning_rate, ema=first.ema)
    return Phase("encoders", first.share, None, loss, rule)


def model_of(config: ConfigDict, size: int | None = None) -> FaceModel:
    """The model for images of `size` (the config's own if None): the same parameters, volumes in proportion.

    Raises:
      UserError: the parameters depend on the size, as those of a linear warp do.
    """
    numbers = config.model.to_dict()
    full = numbers["image_size"]
    if size is None or size == full:
        return build_face(numbers)
    depth, height, width = numbers["warp"]["size"]
    scaled = (depth, height * size // full, width * size // full)
    if numbers["warp"].get("linear"):
        raise UserError("config.resolutions needs warps without `linear`: its weights belong to one size")
    return build_face({**numbers, "image_size": size, "warp": {**numbers["warp"], "size": scaled}})


def init_of(model: FaceModel) -> Callable[[jax.Array], Any]:
    """key -> random parameters."""
    image = jnp.zeros((1, model.image_size, model.image_size, 3))
    return lambda key: model.init(key, image, image)["params"]


def critic_of(config: ConfigDict) -> Critic:
    return Critic(tuple(config.critic.widths), config.critic.scales)


def critic_rule(config: ConfigDict) -> Optimiser:
    """The face model's numbers with the critic's own learning rate."""
    rule = fill(Optimiser, config.optimiser, "config.optimiser")
    return dataclasses.replace(rule, learning_rate=config.critic.learning_rate)


def critic_init_of(config: ConfigDict) -> Callable[[jax.Array], Any] | None:
    """key -> random parameters of the critic; None where no loss needs one."""
    if not any(config.losses[name] for name in ADVERSARIAL):
        return None
    critic, image = critic_of(config), jnp.zeros((1, config.model.image_size, config.model.image_size, 3))
    return lambda key: critic.init(key, image)["params"]


def pairs_of(config: ConfigDict, size: int) -> pipeline.FacePairs:
    """What reads a source and its drivers from a clip, at a size."""
    yaw = float(np.deg2rad(config.data.source_yaw_degrees))
    return pipeline.FacePairs(config.data.drivers, yaw, size, config.data.candidates)


def example_batch(config: ConfigDict, part: Part) -> Mapping[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch of a part, for compiling its step without data."""
    people, drivers, image = part.batch_size, config.data.drivers, (part.size, part.size, 3)
    batch = {"identity": jax.ShapeDtypeStruct((people,), jnp.uint32)}
    for who, some in (("source", (people,)), ("driver", (people, drivers))):
        batch[who] = jax.ShapeDtypeStruct((*some, *image), jnp.uint8)
        for label, shape in LABELS.items():
            batch[f"{who}_{label}"] = jax.ShapeDtypeStruct((*some, *shape), jnp.float32)
    return batch


def check_judges(config: ConfigDict, judges: Judges) -> None:
    """UserError for a loss that is on while the network that it looks through is not given."""
    for loss, name in (("perceptual", "perceptual"), ("cross_identity", "identity"), ("gaze", "gaze")):
        if config.losses[loss] and getattr(judges, name) is None:
            raise UserError(f"config.losses.{loss} needs a network: set config.judges.{name}, or the weight to 0")
