"""From a folder to an animator: its weights, and the programs that the machine or the folder keeps."""

import time
from pathlib import Path

import jax

from vasa_jax import pretrained
from vasa_jax.checkpoint import Checkpoint
from vasa_jax.checkpoint import load as load_checkpoint
from vasa_jax.checkpoint import read as read_checkpoint
from vasa_jax.compile_cache import enable_compile_cache
from vasa_jax.errors import UserError
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.exports import NO_EXPORTS, Exports, read_exports
from vasa_jax.inference.face_programs import BATCH


def load(
    checkpoint: str | Path | None = None,
    exported: str | Path | None = None,
    dtype: str = "float32",
    frames_at_once: int = BATCH,
) -> Animator:
    """An animator with the weights in the folder `checkpoint`, or with those that ship with the package.

    Turns the persistent compile cache on, see `compile_cache`.

    Args:
      exported: a folder that `python -m vasa_jax.export` wrote, with weights and programs that need not be traced;
        in place of a checkpoint.
      dtype: what the face's networks compute in; "bfloat16" for accelerators that are faster so. Exported programs
        have their own.
      frames_at_once: of a clip that are drawn by one call of the decoder, 1 to 256: more keep a large accelerator busy,
        fewer need less of its memory. Only the usual number is among exported programs.

    Raises:
      UserError: the folder holds no checkpoint that fits this version, or no programs for this platform.
    """
    start = time.perf_counter()
    enable_compile_cache()
    found, exports = _read(checkpoint, exported)
    animator = Animator(found, None, exports, dtype, frames_at_once)
    animator.load_seconds = time.perf_counter() - start
    return animator


def load_everywhere(
    checkpoint: str | Path | None = None,
    exported: str | Path | None = None,
    dtype: str = "float32",
    frames_at_once: int = BATCH,
) -> list[Animator]:
    """An animator on each device of this host; see `load`."""
    enable_compile_cache()
    found, exports = _read(checkpoint, exported)
    return [Animator(found, device, exports, dtype, frames_at_once) for device in jax.local_devices()]


def warmup(
    checkpoint: str | Path | None = None,
    exported: str | Path | None = None,
    dtype: str = "float32",
    frames_at_once: int = BATCH,
) -> Animator:
    """`load` an animator and compile what speech and streams run; the next process on this machine starts fast."""
    animator = load(checkpoint, exported, dtype, frames_at_once)
    animator.warm_up()
    return animator


def _read(checkpoint: str | Path | None, exported: str | Path | None) -> tuple[Checkpoint, Exports]:
    if exported is None:
        return load_checkpoint(pretrained.path() if checkpoint is None else checkpoint), NO_EXPORTS
    if checkpoint is not None:
        raise UserError("exported programs bring their weights: give a checkpoint or them, not both")
    return read_checkpoint(exported), read_exports(exported)
