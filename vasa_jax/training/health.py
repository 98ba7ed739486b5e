"""What ends a run that cannot go on: a number that is none, and a full disk. Both are told in one line."""

import contextlib
import errno
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.experimental import multihost_utils

from vasa_jax.data.pipeline import clip_names
from vasa_jax.errors import UserError
from vasa_jax.training import checkpoint

WATCHED = ("loss", "gradient_norm", "critic_gradient_norm")  # finite: so are all terms and all gradients


class Health:
    """Looks at the numbers of each step once the device has them, and before anything of that step is kept."""

    def __init__(self, workdir: Path, settle: Callable[[], None] = lambda: None):
        """`settle` waits for the checkpoint that is being written."""
        self._workdir, self._settle = workdir, settle
        self._step = None

    def watch(self, step: int, metrics: Mapping[str, Array], clips: np.ndarray | None) -> None:
        """Remembers a step that is under way.

        Args:
          clips: this host's elements of the batch, as data.pipeline names them; None where they have no names.
        """
        self._step = step, metrics, clips

    def check(self) -> None:
        """Waits for the step that was remembered.

        Raises:
          UserError: its loss or a gradient's norm is NaN or infinite. not_finite.json in workdir has the details.
        """
        if self._step is None:
            return
        (step, metrics, clips), self._step = self._step, None
        watched = jax.device_get([metrics[name] for name in WATCHED if name in metrics])
        if not np.isfinite(watched).all():
            self._stop(step, {name: float(value) for name, value in metrics.items()}, clips)

    def _stop(self, step: int, metrics: Mapping[str, float], clips: np.ndarray | None) -> None:
        place = self._workdir / "not_finite.json"
        named = [] if clips is None else clip_names(_of_all_hosts(clips))
        if jax.process_index() == 0:
            plain = {name: value if math.isfinite(value) else str(value) for name, value in metrics.items()}
            place.write_text(json.dumps({"step": step, "metrics": plain, "clips": named}, indent=1) + "\n")
        wrong = ", ".join(name for name, value in metrics.items() if not math.isfinite(value))
        self._settle()
        raise UserError(
            f"step {step}: not finite: {wrong}; {place} has the numbers and the clips; {_last(self._workdir)}: "
            "leave the clip out or lower config.optimiser.learning_rate, then go on with the same command"
        )


@contextlib.contextmanager
def told_when_full(workdir: Path) -> Iterator[None]:
    """Makes a UserError of whatever a full disk raises inside."""
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        told = f"no space left in {workdir}; {_last(workdir)}: make room, then go on with the same command"
        raise UserError(told) from error


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that the disk is full. TensorStore and safetensors say so in words."""
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _last(workdir: Path) -> str:
    step = checkpoint.newest(workdir / "checkpoints")
    return "there is no checkpoint yet" if step is None else f"the last good checkpoint is step {step}"


def _of_all_hosts(clips: np.ndarray) -> Any:
    """(B, N) from the (B / hosts, N) of each host."""
    return multihost_utils.process_allgather(clips).reshape(-1, clips.shape[-1])
