"""From a config to the two trainings on encoded clips: the diffusion transformer, and its few-step student."""

import functools
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from vasa_jax.data import clips, motion_set, pipeline, windows
from vasa_jax.errors import UserError
from vasa_jax.models import init_motion
from vasa_jax.motion import MotionTransformer, build_motion
from vasa_jax.motion.statistics import Statistics
from vasa_jax.room_weights import load_room
from vasa_jax.training import motion, motion_report, student
from vasa_jax.training.film import Film, filmed
from vasa_jax.training.from_config import fill, first_weights, reading
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.stage import Loss, Phase, Stage


def motion_stage(config: ConfigDict) -> Stage:
    """The diffusion transformer on encoded clips; sizes of motion and features are those of the set."""
    about, splits = open_set(config.data.motion)
    features = splits["train"][0]["audio"].shape[1]
    model_config = {**config.model.to_dict(), "motion_size": len(about["mean"]), "feature_size": features}
    model = build_motion(model_config)
    numbers = {**config.conditions.to_dict(), "lid_reading": lid_reading(config, about, splits["train"])}
    loss = fill(motion.MotionLoss, config.losses, "config.losses", model=model, **numbers)
    return Stage(
        room="motion",
        model=model_config,
        init=functools.partial(init_motion, model),
        phases=(phase_of("motion", config, model, splits["train"], loss),),
        report=filmed(motion_report.MotionReport(model, splits, about), film_of(config, "motion", model_config, about)),
        weights=first_weights(config),
        extras={"statistics": about},
    )


def student_stage(config: ConfigDict) -> Stage:
    """The student of a trained motion transformer, which begins as its teacher and needs it while it trains.

    Raises:
      UserError: no teacher, or one that was trained on another motion set.
    """
    if not config.teacher:
        raise UserError("config.teacher is empty: name a motion training, or released weights")
    taught, teacher_params = load_room(config.teacher, "motion")
    about, splits = open_set(config.data.motion)
    check_statistics(taught, about, config)
    teacher = build_motion(taught["model"])
    largest = config.guidance.to_dict()
    model_config = {**taught["model"], "told": sorted(largest)}
    model = build_motion(model_config)
    scales = tuple(largest[name] for name in model.told)
    section = {"model": model_config, "steps": config.losses.steps, "guidance": largest}
    numbers = {**config.conditions.to_dict(), "student": model, "teacher": teacher, "largest": scales}
    numbers["lid_reading"] = lid_reading(config, about, splits["train"])
    loss = fill(student.StudentLoss, config.losses, "config.losses", **numbers)
    return Stage(
        room="student",
        model=model_config,
        init=functools.partial(init_motion, model),
        phases=(phase_of("student", config, model, splits["train"], loss, judges=teacher_params),),
        report=filmed(
            motion_report.StudentReport(model, loss.steps, teacher, teacher_params, splits, about),
            film_of(config, "student", section, about),
        ),
        weights=first_weights(config) or (lambda: teacher_params),
        extras={"statistics": about, "steps": loss.steps, "guidance": largest},
    )


def open_set(folder: str) -> tuple[dict[str, Any], dict[str, pipeline.Kept]]:
    """Statistics of a motion set, and its clips for training and validation, standardised and kept in memory."""
    about = motion_set.read_statistics(folder)
    statistics = Statistics.stored(about)
    take = functools.partial(windows.motion_of, mean=statistics.mean, std=statistics.std)
    return about, {name: pipeline.Kept(clips.open_clips(folder, name), take) for name in ("train", "validation")}


def lid_reading(config: ConfigDict, about: dict[str, Any], source: Any) -> tuple[float, ...]:
    """What reads the lids' closing from motion, of unit deviation over the training clips; () without a loss of it.

    Args:
      source: indexable, of standardised clips ("motion": (T, M)).

    Raises:
      UserError: the set does not tell of lids.
    """
    if not config.losses.get("lids"):
        return ()
    if "lids" not in about:
        raise UserError(f"the motion set {config.data.motion} tells nothing of lids: set config.losses.lids to 0")
    weights = np.asarray(about["lids"]["weights"], np.float32)
    closing = np.concatenate([source[i]["motion"] @ weights for i in range(len(source))])
    return tuple((weights / closing.std()).tolist())


def film_of(config: ConfigDict, room: str, section: dict[str, Any], about: dict[str, Any]) -> Film | None:
    """See `film.Film`; None where config.film names no weights."""
    return Film(config.film, room, section, about) if config.get("film") else None


def check_statistics(taught: dict[str, Any], about: dict[str, Any], config: ConfigDict) -> None:
    """The teacher speaks of motion in its own units: those of the set must be the same."""
    theirs, ours = (Statistics.stored(of) for of in (taught["statistics"], about))
    same = theirs.mean.shape == ours.mean.shape
    if not (same and np.allclose(theirs.mean, ours.mean, atol=1e-4) and np.allclose(theirs.std, ours.std, rtol=1e-3)):
        raise UserError(f"the motion set {config.data.motion} has other statistics than the teacher {config.teacher}")


def phase_of(
    name: str, config: ConfigDict, model: MotionTransformer, source: Any, loss: Loss, judges: Any = None
) -> Phase:
    """The only phase of a training on windows of clips."""
    sample = windows.MotionWindows(model.window, model.history)
    return Phase(
        name=name,
        until=1.0,
        batches=pipeline.batches(source, sample, reading(config, config.batch_size, 0)),
        loss=loss,
        optimiser=fill(Optimiser, config.optimiser, "config.optimiser"),
        judges=judges,
    )
