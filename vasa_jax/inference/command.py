"""The command `infer.py`: flags in, checks in the order of their cost, one call, one line out.

Only what the checks need is imported at first; the networks come in once portrait, speech and output are
known to be usable, so that a mistake is told at once.
"""

import argparse
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any

from vasa_jax.errors import UserError
from vasa_jax.inference.flags import PROGRAM, parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the given words, or those of the process.

    Returns:
      The exit status: 0; 2 for a user's mistake, told in one line on stderr; 130 when interrupted.
    """
    _quiet()
    arguments = parse(sys.argv[1:] if argv is None else argv)
    with warnings.catch_warnings():
        _show_only_our_warnings()
        try:
            print(run(arguments))
        except UserError as error:
            _say(f"error: {error}")
            return 2
        except KeyboardInterrupt:
            _say("interrupted; nothing was written")
            return 130
    return 0


def run(arguments: argparse.Namespace) -> str:
    """Make the video; returns the last line: file, frames, seconds of each part."""
    from vasa_jax import pretrained
    from vasa_jax.inference.portrait import read_portrait
    from vasa_jax.inference.speech_file import read_speech
    from vasa_jax.inference.video_file import check_size, check_target

    controls = _controls(arguments)
    target = check_target(arguments.output)
    size = None if arguments.output_size is None else check_size(arguments.output_size)
    portrait = read_portrait(arguments.source or pretrained.portrait())
    speech, rate = read_speech(arguments.audio or pretrained.speech())
    video, seconds = _animate(arguments, controls, portrait, speech, rate)
    start = time.perf_counter()
    video.save(target, size)
    seconds["write"] = time.perf_counter() - start
    parts = ", ".join(f"{part} {value:.1f}" for part, value in seconds.items())
    return f"{target}: {len(video.frames)} frames; seconds: {parts}, total {sum(seconds.values()):.1f}"


def _controls(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords of `Animator.animate`, checked."""
    from vasa_jax.inference.controls import Controls, parse_gaze

    names = ("seed", "steps", "audio_cfg", "gaze_cfg", "distance", "emotion")
    given = {name: getattr(arguments, name) for name in names}
    return vars(Controls(**given, gaze=parse_gaze(arguments.gaze)))


def _animate(
    arguments: argparse.Namespace, controls: dict[str, Any], portrait: Any, speech: Any, rate: int
) -> tuple[Any, dict[str, float]]:
    """The video and the seconds; those of the imports count as loading."""
    start = time.perf_counter()
    from vasa_jax.inference.animator import load
    from vasa_jax.inference.bars import Bars

    imports = time.perf_counter() - start
    animator = load(arguments.checkpoint)
    with warnings.catch_warnings(), Bars() as bars:
        warnings.filterwarnings("ignore", message="the audio is silent")  # said when the file was read
        crop = not arguments.no_crop
        video = animator.animate(portrait, speech, rate, **controls, crop=crop, progress=bars)
    return video, {**video.seconds, "load": video.seconds["load"] + imports}


def _quiet() -> None:
    """Hide what XLA, absl and JAX log; end on a termination as on an interruption, with files cleaned up."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("jax", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not the main thread
        pass


def _show_only_our_warnings() -> None:
    from vasa_jax.inference.media_warning import MediaWarning

    warnings.simplefilter("ignore")
    warnings.simplefilter("always", MediaWarning)
    warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")


def _say(line: str) -> None:
    print(f"{PROGRAM}: {line}", file=sys.stderr)
