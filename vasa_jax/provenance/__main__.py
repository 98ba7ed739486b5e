"""Is it ours? `python -m vasa_jax.provenance FILE` says what is left of signature and mark in a video or picture.

Exit status: 0 made by this program and unchanged since; 1 made by it, but re-encoded, cropped or otherwise changed, so
that only some of its marks are left; 2 the file cannot be read; 3 no trace of this program, which is no proof.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from vasa_jax.errors import UserError


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m vasa_jax.provenance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", help="video or picture")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(words)
    from vasa_jax.provenance.check import EXIT_STATUS, check, in_words

    try:
        report = check(arguments.file)
    except UserError as error:
        print(f"provenance: error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report.as_dict(), indent=1) if arguments.json else in_words(report))
    return EXIT_STATUS[report.outcome]


if __name__ == "__main__":
    raise SystemExit(main())
