"""Small pieces of the edge where ml_collections ends and plain numbers begin, for all stages."""

import dataclasses
from collections.abc import Callable
from typing import Any

from ml_collections import ConfigDict

from vasa_jax.data import pipeline
from vasa_jax.errors import UserError
from vasa_jax.room_weights import load_room


def fill(kind: type, numbers: ConfigDict, where: str, **fields: Any) -> Any:
    """A dataclass from a section of the config and `fields`; a name that it does not have is the user's to mend."""
    unknown = set(numbers.keys()) - {field.name for field in dataclasses.fields(kind)}
    if unknown:
        raise UserError(f"{where} has no {', '.join(sorted(unknown))}")
    return kind(**numbers.to_dict(), **fields)


def reading(config: ConfigDict, batch_size: int, phase: int) -> pipeline.Reading:
    """Each phase draws its own sequence from the run's seed."""
    data = config.data
    return pipeline.Reading(batch_size, 2 * config.seed + phase, data.threads, data.ahead, data.workers)


def first_weights(config: ConfigDict) -> Callable[[], dict[str, Any]] | None:
    """Reads the parameters of the stage's own room in `config.init_from`, a run or released weights; None for an empty
    name. Only a run that begins calls it: one that goes on does not need that folder any more."""
    return (lambda: load_room(config.init_from, config.stage)[1]) if config.init_from else None
