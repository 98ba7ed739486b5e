"""Training states on disk by Orbax: saved in the background, restored onto whatever mesh is there.

A checkpoint is a folder named by its step: state/ holds both networks, both optimisers and the average; position holds
the rest as JSON. It gets its name when it is complete, so a process that ends in the middle of a save leaves none.
"""

import dataclasses
import json
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from vasa_jax.errors import UserError
from vasa_jax.training.state import TrainState


class TornCheckpoint(UserWarning):
    """A checkpoint could not be read; an older one is taken."""


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a run stands besides its state.

    Attributes:
      phase: index of the phase.
      seconds: of training used up.
      data: position of the phase's batches, as grain gives it; None at the beginning of a phase.
      seed: of the run's key, from which each step derives its own by its number.
    """

    phase: int = 0
    seconds: float = 0.0
    data: Any = None
    seed: int | None = None


class Checkpoints:
    """The newest states of one run, in `folder`."""

    def __init__(self, folder: Path, keep: int = 2):
        self._folder = folder.absolute()
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True, cleanup_tmp_directories=True)
        self._manager = ocp.CheckpointManager(self._folder, options=options)

    def save(self, state: TrainState, position: Position) -> None:
        """Copies the arrays now and writes them in the background. Every host calls it at the same step.

        The next save, or `close`, raises what went wrong in the background.
        """
        step = int(state.step)
        if step in self._manager.all_steps():
            return
        place = ocp.args.JsonSave(json.loads(json.dumps(dataclasses.asdict(position), default=_plain)))
        self._manager.save(step, args=ocp.args.Composite(state=ocp.args.StandardSave(state), position=place))

    def restore(self, state: TrainState, shardings: Any) -> tuple[TrainState, Position] | None:
        """The newest state that is whole, placed by `shardings`; None where nothing was saved.

        Newer ones that cannot be read are renamed to torn_<step>, with a warning: their steps will be saved again.

        Args:
          state: of the same structure, for shapes and types.

        Raises:
          UserError: there are checkpoints, and none can be read.
        """
        wanted = jax.tree.map(lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), state, shardings)
        torn: dict[int, str] = {}
        for step in sorted(self._manager.all_steps(), reverse=True):
            found, wrong = self._read(step, wanted)
            if found is not None:
                self._set_aside(torn, step)
                return found["state"], Position(**found["position"])
            torn[step] = wrong
        if torn:
            step, wrong = max(torn.items())
            raise UserError(
                f"no checkpoint in {self._folder} can be read ({step}: {wrong}): take the config that they were made "
                "with, or another --workdir"
            )
        return None

    def wait(self) -> None:
        """Waits for what is being written."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits for what is being written."""
        self.wait()
        self._manager.close()

    def _read(self, step: int, wanted: TrainState) -> tuple[Any, str]:
        """What the checkpoint of a step holds, or None and the reason; the same on all hosts."""
        items = ocp.args.Composite(state=ocp.args.StandardRestore(wanted), position=ocp.args.JsonRestore())
        found, wrong = None, "unreadable on another host"
        try:
            found = self._manager.restore(step, args=items)
        except Exception as error:  # Orbax and TensorStore raise many kinds, down to Exception itself
            wrong = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        read = multihost_utils.process_allgather(np.array(found is not None))
        return (found, "") if read.all() else (None, wrong)

    def _set_aside(self, torn: dict[int, str], step: int) -> None:
        for number, wrong in torn.items():
            place = self._folder / str(number)
            told = f"{place} is torn ({wrong}); it is renamed to torn_{number}, and training goes on from step {step}"
            warnings.warn(told, TornCheckpoint, stacklevel=2)
            if jax.process_index() == 0:
                place.rename(place.with_name(f"torn_{number}"))
        if torn:
            multihost_utils.sync_global_devices("torn checkpoints are set aside")
            self._manager.reload()


def newest(folder: Path) -> int | None:
    """Step of the newest complete checkpoint in a folder; None without one."""
    return max((int(place.name) for place in folder.glob("*") if place.name.isdecimal()), default=None)


def _plain(value: Any) -> Any:
    """Array elements, and bytes that hold JSON, as JSON has them."""
    return json.loads(value) if isinstance(value, bytes) else value.item()
