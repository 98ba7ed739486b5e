"""From a config to the training of the streaming speech encoder."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict
from tqdm import tqdm

from vasa_jax.data import clips, pipeline, windows
from vasa_jax.errors import UserError
from vasa_jax.speech import build_speech
from vasa_jax.training import lesson, speech
from vasa_jax.training.from_config import fill, first_weights, reading
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.stage import Phase, Stage
from vasa_jax.types import SAMPLES_PER_FRAME


def speech_stage(config: ConfigDict) -> Stage:
    """Phones from the audio of the talk clips, and with `config.teacher` what the encoder there hears in them."""
    model_config = config.model.to_dict()
    model = build_speech(model_config)
    take = lesson.listening(config.teacher, windows.speech_of) if config.teacher else windows.speech_of
    splits = {name: talks(config.data.clips, name, take) for name in ("train", "validation")}
    train = splits["train"]
    taught = (
        lesson.Lesson.of(map(train.__getitem__, range(len(train))), config.losses.teacher) if config.teacher else None
    )
    sample = windows.SpeechWindows(config.data.frames, config.noise.speed)
    phase = Phase(
        name="speech",
        until=1.0,
        batches=pipeline.batches(train, sample, reading(config, config.batch_size, 0)),
        loss=speech.SpeechLoss(model, config.noise.strength, config.losses.silence, taught),
        optimiser=fill(Optimiser, config.optimiser, "config.optimiser"),
    )
    return Stage(
        room="speech",
        model=model_config,
        init=functools.partial(init, model, taught),
        phases=(phase,),
        report=speech.SpeechReport(model, splits["validation"], config.data.frames, lesson=taught),
        weights=begun(first_weights(config), taught),
    )


def init(model: Any, taught: lesson.Lesson | None, key: jax.Array) -> dict[str, Any]:
    """Random parameters of the encoder with its head for phones, and of the head for the lesson if there is one."""
    params = model.init(key, jnp.zeros((1, SAMPLES_PER_FRAME)), method="phone_logits")["params"]
    if taught is None:
        return params
    return {**params, lesson.HEAD: taught.init_head(jax.random.fold_in(key, 1), model.feature_size)}


def begun(read: Callable[[], dict[str, Any]] | None, taught: lesson.Lesson | None) -> Callable | None:
    """Reads the weights to begin with, without the head of a lesson that is not given now."""
    if read is None or taught is not None:
        return read
    return lambda: {name: value for name, value in read().items() if name != lesson.HEAD}


def talks(folder: str, split: str, take: Callable) -> pipeline.Chosen:
    """What `take` leaves of each talk clip of a split whose phones are known; all are read once here, to know which
    they are."""

    def slim(record: pipeline.Record) -> pipeline.Record:
        return take(record) if clips.is_talk(record) else {}

    kept = pipeline.Kept(clips.open_clips(folder, split), slim)
    spoken = [i for i in tqdm(range(len(kept)), f"reading {split}", unit="clip") if kept[i]]
    if not spoken:
        raise UserError(f"no clip of kind 'talk' in the split {split!r} of {folder}")
    spoken = [i for i in spoken if len(kept[i]["phones"])]
    if not spoken:
        raise UserError(f"the clips in {folder} have no phones, which the speech encoder learns from: take another set")
    return pipeline.Chosen(kept, spoken)
