"""Training states on disk by Orbax: saved in the background, restored onto whatever mesh is there."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from vasa_jax.training.state import TrainState


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a run stands besides its state.

    Attributes:
      phase: index of the phase.
      seconds: of training used up.
      data: position of the phase's batches, as grain gives it; None at the beginning of a phase.
    """

    phase: int = 0
    seconds: float = 0.0
    data: Any = None


class Checkpoints:
    """The newest states of one run, in `folder`."""

    def __init__(self, folder: Path, keep: int = 2):
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True, cleanup_tmp_directories=True)
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def save(self, state: TrainState, position: Position) -> None:
        """Copies the arrays now and writes them in the background. Every host calls it at the same step."""
        step = int(state.step)
        if step in self._manager.all_steps():
            return
        place = ocp.args.JsonSave(json.loads(json.dumps(dataclasses.asdict(position), default=_plain)))
        self._manager.save(step, args=ocp.args.Composite(state=ocp.args.StandardSave(state), position=place))

    def restore(self, state: TrainState, shardings: Any) -> tuple[TrainState, Position] | None:
        """The newest state, placed by `shardings`; None where nothing was saved.

        Args:
          state: of the same structure, for shapes and types.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        wanted = jax.tree.map(lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), state, shardings)
        found = self._manager.restore(
            step,
            args=ocp.args.Composite(state=ocp.args.StandardRestore(wanted), position=ocp.args.JsonRestore()),
        )
        return found["state"], Position(**found["position"])

    def close(self) -> None:
        """Waits for what is being written."""
        self._manager.wait_until_finished()
        self._manager.close()


def _plain(value: Any) -> Any:
    """Array elements, and bytes that hold JSON, as JSON has them."""
    return json.loads(value) if isinstance(value, bytes) else value.item()
