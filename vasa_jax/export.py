"""Writes an animator's programs down, with its weights: `python -m vasa_jax.export --out exported`.

`vasa_jax.load(exported="exported")` and `infer.py --exported exported` use them and trace nothing.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from vasa_jax.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status; 2 for a user's mistake."""
    arguments = _parse(argv)
    try:
        platforms = tuple(arguments.platforms.split(","))
        print(export_all(arguments.checkpoint, arguments.out, platforms, arguments.dtype))
    except UserError as error:
        print(f"vasa_jax.export: error: {error}", file=sys.stderr)
        return 2
    return 0


def export_all(checkpoint: str | Path | None, out: str | Path, platforms: tuple[str, ...], dtype: str) -> str:
    """Write programs and weights; returns what was written, in a line.

    Args:
      checkpoint: folder of the weights; None for those that ship with the package.
      platforms: names of `exports.PLATFORMS`; none need be here.
      dtype: what the face's networks compute in.

    Raises:
      UserError: an unknown platform, no checkpoint, or a folder that is not empty or cannot be written.
    """
    from vasa_jax import pretrained
    from vasa_jax.inference.exports import PLATFORMS, PROGRAMS, write_index, write_program
    from vasa_jax.inference.loading import load

    start, out = time.perf_counter(), Path(out)
    for name in platforms:
        if name not in PLATFORMS:
            raise UserError(f"no platform is called {name!r}; there are {', '.join(PLATFORMS)}")
    source = Path(pretrained.path() if checkpoint is None else checkpoint)
    animator = load(source, dtype=dtype)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UserError(f"the folder is not empty: {out}")
        programs = list(animator.programs())
        for program in programs:
            write_program(out / PROGRAMS, program, platforms)
        for name in ("config.json", "weights.safetensors"):
            shutil.copyfile(source / name, out / name)
        write_index(out, platforms, [program.name for program in programs], dtype)
    except OSError as error:
        raise UserError(f"the folder cannot be written ({error.strerror}): {out}") from error
    seconds = time.perf_counter() - start
    return f"{out}: {len(programs)} programs for {', '.join(platforms)}, with their weights; {seconds:.1f} s"


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m vasa_jax.export", description=__doc__)
    add = parser.add_argument
    add("--checkpoint", metavar="FOLDER", help="weights (default: those that ship with the package)")
    add("--out", metavar="FOLDER", required=True, help="to write, new or empty")
    add("--platforms", metavar="NAMES", default="cpu,cuda,tpu", help="with commas (default: cpu,cuda,tpu)")
    add("--dtype", choices=("float32", "bfloat16"), default="float32", help="what the face's networks compute in")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
