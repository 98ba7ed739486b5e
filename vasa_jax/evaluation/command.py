"""What the measuring commands share: flags that show their defaults, a mistake as one line, a report in a folder."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vasa_jax.errors import UserError


def new_parser(module: str, description: str) -> argparse.ArgumentParser:
    """A parser for `python -m module`; of a module's docstring as the description its first line counts."""
    return argparse.ArgumentParser(
        f"python -m {module}",
        description=description.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )


def run(
    measure: Callable[[argparse.Namespace], str], parser: argparse.ArgumentParser, arguments: list[str] | None
) -> int:
    """Prints what `measure` gives for the flags; returns the exit status, 2 for an input that the user has to mend."""
    options = parser.parse_args(arguments)
    try:
        print(measure(options), end="")
    except UserError as error:
        print(f"{parser.prog.rpartition('.')[2]}: {error}", file=sys.stderr)
        return 2
    return 0


def write_report(folder: Path, name: str, options: argparse.Namespace, found: dict[str, Any], text: str) -> None:
    """The flags and what was found as NAME.json, where NaN becomes null, and the table as NAME.md."""
    from vasa_jax.evaluation.report import finite  # here, since it brings JAX along, and --help should not

    report = finite({"settings": vars(options), **found})
    (folder / f"{name}.json").write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
    (folder / f"{name}.md").write_text(text)
