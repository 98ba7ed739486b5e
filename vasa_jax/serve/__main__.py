"""A page on which portraits speak: `python -m vasa_jax.serve`, then the address that it prints.

Other programs on this machine can use it too; docs/serve.md has the calls. It listens on this machine alone unless it
is given another address, and then it asks for a token.
"""

import argparse
import ipaddress
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from vasa_jax.errors import UserError, leave_on_mistake

PROGRAM, TOKEN, MIN_TOKEN = "serve", "VASA_JAX_TOKEN", 16


def main(words: Sequence[str] | None = None) -> None:
    """Run until interrupted; leaves with status 2 for a user's mistake."""
    arguments = _flags().parse_args(words)
    with leave_on_mistake(PROGRAM):
        token = check_token(arguments.host, arguments.token or os.environ.get(TOKEN))
        _serve(arguments, token)


def check_token(host: str, token: str | None) -> str | None:
    """The token; UserError where the address needs one, or it could be guessed."""
    if token is None:
        if not _is_loopback(host):
            how = f"give --token, or set {TOKEN}, to what clients must say"
            raise UserError(f"{host} can be reached from elsewhere: {how}")
        return None
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UserError(f"a token has {MIN_TOKEN} or more letters and digits and no spaces, or it could be guessed")
    return token


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vasa_jax.serve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=int, default=7860, help="(default: 7860)")
    add("--token", help=f"that clients must show; better in the environment, as {TOKEN}, where others do not see it")
    add("--checkpoint", metavar="FOLDER", help="weights (default: those that ship with the package)")
    add("--streams", type=int, default=None, help="live streams at the same time (default: 2)")
    add("--no_warmup", action="store_true", help="compile programs for the first who asks, not when the server starts")
    add("--seconds", type=float, default=None, help="of the longest speech (default: 60)")
    return parser


def _serve(arguments: argparse.Namespace, token: str | None) -> None:
    try:
        from vasa_jax.serve.app import build
        from vasa_jax.serve.run import run, server_of
    except ImportError as error:
        raise UserError(f"the page needs more packages ({error.name}): pip install 'vasa-jax[app]'") from error
    from vasa_jax.inference.loading import load
    from vasa_jax.serve.limits import Limits
    from vasa_jax.serve.scratch import Scratch

    given = {"streams": arguments.streams, "sound_seconds": arguments.seconds}
    limits = Limits(**{name: value for name, value in given.items() if value is not None})
    for name in ("jax", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    animator = load(arguments.checkpoint)
    with Scratch() as scratch:
        app = build(animator, scratch, limits, token, warm_up=not arguments.no_warmup)
        server = server_of(app, limits, arguments.host, arguments.port)
        host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        query = "" if token is None else "?token=..."
        print(f"open http://{host}:{arguments.port}/{query} in a browser; Ctrl-C ends it", flush=True)
        run(server)


if __name__ == "__main__":
    main(sys.argv[1:])
    # A thread that compiles cannot be stopped, and Python would abort in it; all is put away by now.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
