"""From a config to a stage: the edge where ml_collections ends and plain numbers and modules begin."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from vasa_jax.data import clips, motion_set, pipeline, windows
from vasa_jax.errors import UserError
from vasa_jax.face import build_face
from vasa_jax.motion import build_motion
from vasa_jax.motion.conditions import null_conditions
from vasa_jax.speech import build_speech
from vasa_jax.training import face, face_report, motion, speech
from vasa_jax.training.budget import Budget
from vasa_jax.training.loop import Settings
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.stage import Phase, Stage
from vasa_jax.types import SAMPLES_PER_FRAME


def settings(config: ConfigDict) -> Settings:
    """What the loop needs to know."""
    budget = Budget(config.steps, config.minutes)
    return fill(Settings, config.loop, "config.loop", budget=budget, seed=config.seed)


def build(config: ConfigDict) -> Stage:
    """The stage that `config.stage` names.

    Raises:
      UserError: no such stage, or a number that nothing has a use for.
    """
    if config.stage not in BUILDERS:
        raise UserError(f"config.stage is {config.stage!r}; it can be {', '.join(BUILDERS)}")
    return BUILDERS[config.stage](config)


def face_stage(config: ConfigDict) -> Stage:
    """Encoders on labels for the first share of the budget, then the whole model."""
    source = clips.open_clips(config.data.clips, "train")
    model_config = config.model.to_dict()
    model = build_face(model_config)
    pairs = pipeline.FacePairs(config.data.drivers, float(np.deg2rad(config.data.source_yaw_degrees)))
    shared = {
        "model": model,
        "weights": fill(face.Weights, config.losses, "config.losses"),
        "noise": fill(face.Noise, config.noise, "config.noise"),
        "expression_scale": jnp.asarray(pipeline.expression_scale(source)),
    }
    image = jnp.zeros((1, model.image_size, model.image_size, 3))
    return Stage(
        room="face",
        model=model_config,
        init=lambda key: model.init(key, image, image)["params"],
        phases=_face_phases(config, source, pairs, shared),
        report=face_report.FaceReport(model, clips.open_clips(config.data.clips, "validation"), pairs),
    )


def _face_phases(
    config: ConfigDict, source: Any, pairs: pipeline.FacePairs, shared: dict[str, Any]
) -> tuple[Phase, ...]:
    first, rule = config.encoders, fill(Optimiser, config.optimiser, "config.optimiser")
    features = perceptual_features(config.judges.perceptual)
    whole = Phase(
        name="face",
        until=1.0,
        batches=pipeline.batches(source, pairs, reading(config, config.batch_size, 1)),
        loss=face.FaceLoss(**shared, features=features),
        optimiser=rule,
    )
    if not first.share:
        return (whole,)
    encoders = Phase(
        name="encoders",
        until=first.share,
        batches=pipeline.batches(source, pipeline.Singles(first.frames), reading(config, first.batch_size, 0)),
        loss=face.EncoderLoss(**shared),
        optimiser=dataclasses.replace(rule, learning_rate=first.learning_rate, ema=first.ema),
    )
    return encoders, whole


def perceptual_features(path: str):
    """The frozen network in the file at `path`; None for no path."""
    if not path:
        return None
    from vasa_jax.judges import load_perceptual

    return load_perceptual(path)


def speech_stage(config: ConfigDict) -> Stage:
    """Phones from the audio of the talk clips."""
    model_config = config.model.to_dict()
    model = build_speech(model_config)
    splits = {name: talks(config.data.clips, name, windows.speech_of) for name in ("train", "validation")}
    sample = windows.SpeechWindows(config.data.frames, config.noise.speed)
    phase = Phase(
        name="speech",
        until=1.0,
        batches=pipeline.batches(splits["train"], sample, reading(config, config.batch_size, 0)),
        loss=speech.SpeechLoss(model, config.noise.strength, config.losses.silence),
        optimiser=fill(Optimiser, config.optimiser, "config.optimiser"),
    )
    audio = jnp.zeros((1, SAMPLES_PER_FRAME))
    return Stage(
        room="speech",
        model=model_config,
        init=lambda key: model.init(key, audio, method="phone_logits")["params"],
        phases=(phase,),
        report=speech.SpeechReport(model, splits["validation"], config.data.frames),
    )


def motion_stage(config: ConfigDict) -> Stage:
    """The diffusion transformer on encoded clips; sizes of motion and features are those of the set."""
    about = motion_set.read_statistics(config.data.motion)
    mean, std = (np.asarray(about[name], np.float32) for name in ("mean", "std"))
    take = functools.partial(windows.motion_of, mean=mean, std=std)
    splits = {name: pipeline.Kept(clips.open_clips(config.data.motion, name), take) for name in ("train", "validation")}
    features = splits["train"][0]["audio"].shape[1]
    model_config = {**config.model.to_dict(), "motion_size": len(mean), "feature_size": features}
    model = build_motion(model_config)
    phase = Phase(
        name="motion",
        until=1.0,
        batches=pipeline.batches(
            splits["train"],
            windows.MotionWindows(model.window, model.history),
            reading(config, config.batch_size, 0),
        ),
        loss=fill(motion.MotionLoss, config.losses, "config.losses", model=model, **config.conditions.to_dict()),
        optimiser=fill(Optimiser, config.optimiser, "config.optimiser"),
    )
    nothing = null_conditions(1, model.window, model.history, model.motion_size, model.feature_size)
    noised = jnp.zeros((1, model.window, model.motion_size))
    lips = motion.LipReading(np.asarray(about["lips"]["weights"], np.float32), about["lips"]["bias"])
    return Stage(
        room="motion",
        model=model_config,
        init=lambda key: model.init(key, noised, jnp.zeros(1, jnp.int32), nothing)["params"],
        phases=(phase,),
        report=motion.MotionReport(model, splits["validation"], lips),
        extras={"statistics": about},
    )


def talks(folder: str, split: str, take: Callable) -> pipeline.Chosen:
    """What `take` leaves of each talk clip of a split; all are read once here, to know which they are."""

    def slim(record: pipeline.Record) -> pipeline.Record | None:
        return take(record) if clips.text(record["kind"]) == "talk" else None

    kept = pipeline.Kept(clips.open_clips(folder, split), slim)
    spoken = [i for i in tqdm(range(len(kept)), f"reading {split}", unit="clip") if kept[i] is not None]
    if not spoken:
        raise UserError(f"no clip of kind 'talk' in the split {split!r} of {folder}")
    return pipeline.Chosen(kept, spoken)


def reading(config: ConfigDict, batch_size: int, phase: int) -> pipeline.Reading:
    """Each phase draws its own sequence from the run's seed."""
    data = config.data
    return pipeline.Reading(batch_size, 2 * config.seed + phase, data.threads, data.ahead, data.workers)


def fill(kind: type, numbers: ConfigDict, where: str, **fields: Any) -> Any:
    """A dataclass from a section of the config and `fields`; a name that it does not have is the user's to mend."""
    unknown = set(numbers.keys()) - {field.name for field in dataclasses.fields(kind)}
    if unknown:
        raise UserError(f"{where} has no {', '.join(sorted(unknown))}")
    return kind(**numbers.to_dict(), **fields)


BUILDERS = {"face": face_stage, "motion": motion_stage, "speech": speech_stage}
