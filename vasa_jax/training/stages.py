"""From a config to a stage: the edge where ml_collections ends and plain numbers and modules begin."""

import functools
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from vasa_jax.data import clips, motion_set, pipeline, windows
from vasa_jax.errors import UserError
from vasa_jax.motion import build_motion
from vasa_jax.motion.conditions import null_conditions
from vasa_jax.speech import build_speech
from vasa_jax.training import face_stage, gaze, motion, speech
from vasa_jax.training.budget import Budget
from vasa_jax.training.from_config import fill, first_weights, reading
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
        weights=first_weights(config),
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
        weights=first_weights(config),
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


BUILDERS = {"face": face_stage.face_stage, "motion": motion_stage, "speech": speech_stage, "gaze": gaze.gaze_stage}
