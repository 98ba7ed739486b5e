"""The one error that is the user's to mend: command lines print it as a single line and exit with status 2."""

import contextlib
import sys
from collections.abc import Iterator


class UserError(Exception):
    """What is wrong and what to do about it, in one line of plain words."""


@contextlib.contextmanager
def leave_on_mistake(program: str) -> Iterator[None]:
    """Around what a command does: a UserError becomes its one line on stderr and the exit status 2."""
    try:
        yield
    except UserError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(2)
