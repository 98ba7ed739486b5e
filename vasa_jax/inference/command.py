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
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vasa_jax.errors import UserError
from vasa_jax.inference.flags import PROGRAM, REENACTMENT, SPEECH, STILL, parse


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
    """Make what the flags ask for; returns the last line: file, frames, seconds of each part."""
    from vasa_jax.inference.video_file import check_size

    size = None if arguments.output_size is None else check_size(arguments.output_size)
    return {SPEECH: _speak, REENACTMENT: _reenact, STILL: _edit}[arguments.mode](arguments, size)


def _speak(arguments: argparse.Namespace, size: int | None) -> str:
    from vasa_jax import pretrained
    from vasa_jax.inference.output_file import check_target
    from vasa_jax.inference.speech_file import read_speech

    controls = _controls(arguments)
    target = check_target(arguments.output)
    portrait = _read_source(arguments)
    speech, rate = read_speech(arguments.audio or pretrained.speech())
    animator, load_seconds = _load(arguments)
    from vasa_jax.inference.bars import Bars

    with warnings.catch_warnings(), Bars() as bars:
        warnings.filterwarnings("ignore", message="the audio is silent")  # said when the file was read
        crop = not arguments.no_crop
        video = animator.animate(portrait, speech, rate, **controls, crop=crop, progress=bars)
    seconds = {**video.seconds, "load": load_seconds}
    start = time.perf_counter()
    video.save(target, size)
    seconds["write"] = time.perf_counter() - start
    return _summary(f"{target}: {len(video.frames)} frames", seconds)


def _reenact(arguments: argparse.Namespace, size: int | None) -> str:
    """Frames are read, moved and written as they come, so that the length of the video does not matter."""
    from vasa_jax.inference.driving_file import open_driving
    from vasa_jax.inference.output_file import check_other_than, check_target
    from vasa_jax.inference.speech_file import read_sound_track
    from vasa_jax.inference.video_file import default_size, write_video
    from vasa_jax.types import FPS, SAMPLE_RATE

    target = check_target(arguments.output)
    paths = [path for path in (arguments.driving, arguments.pose_from) if path is not None]
    check_other_than(target, paths)
    portrait = _read_source(arguments)
    start = time.perf_counter()
    clips = [open_driving(path, not arguments.no_crop_driving) for path in paths]
    sound, rate = read_sound_track(clips[0].path, clips[0].start) or (None, SAMPLE_RATE)
    seconds = {"read": time.perf_counter() - start}
    animator, seconds["load"] = _load(arguments)
    start = time.perf_counter()
    driving, *pose_from = (clip.frames(animator.image_size) for clip in clips)
    frames = animator.reenact(
        portrait, driving, pose_from=pose_from[0] if pose_from else None, relative=arguments.pose == "relative",
        crop=not arguments.no_crop,
    )  # fmt: skip
    counted = _Counted(frames, min(clip.expected_frames for clip in clips))
    size = default_size(animator.image_size) if size is None else size
    write_video(target, counted, sound, rate, fps=FPS, size=size)
    seconds["reenact"] = time.perf_counter() - start
    return _summary(f"{target}: {counted.count} frames", seconds)


def _edit(arguments: argparse.Namespace, size: int | None) -> str:
    from vasa_jax.inference.controls import check_turn, parse_turn
    from vasa_jax.inference.output_file import STILL_ENDINGS, check_other_than, check_target
    from vasa_jax.inference.portrait import read_portrait
    from vasa_jax.inference.still_file import write_still
    from vasa_jax.inference.video_file import default_size

    turn = parse_turn(arguments.turn or "0,0,0")
    check_turn(turn)
    target = check_target(arguments.output, STILL_ENDINGS)
    check_other_than(target, (arguments.source, arguments.expression_from))
    portrait = _read_source(arguments)
    expression = None if arguments.expression_from is None else read_portrait(arguments.expression_from)
    animator, load_seconds = _load(arguments)
    start = time.perf_counter()
    still = animator.edit(portrait, turn=turn, expression_from=expression, crop=not arguments.no_crop)
    write_still(target, still, default_size(animator.image_size) if size is None else size)
    return _summary(str(target), {"load": load_seconds, "edit": time.perf_counter() - start})


class _Counted:
    """Frames, counted and shown as a bar while they pass."""

    def __init__(self, frames: Iterable[Any], expected: int):
        self._frames, self._expected = frames, expected
        self.count = 0

    def __iter__(self) -> Iterator[Any]:
        from vasa_jax.inference.bars import Bars

        with Bars() as bars:
            for frame in self._frames:
                self.count += 1
                bars("reenact", self.count, max(self._expected, self.count + 1))
                yield frame
            bars("reenact", self.count, self.count)


def _controls(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords of `Animator.animate`, checked."""
    from vasa_jax.inference.controls import Controls, parse_gaze

    names = ("seed", "steps", "audio_cfg", "gaze_cfg", "gaze", "distance", "emotion")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if "gaze" in given:
        given["gaze"] = parse_gaze(given["gaze"])
    return vars(Controls(**given))


def _read_source(arguments: argparse.Namespace) -> Any:
    from vasa_jax import pretrained
    from vasa_jax.inference.portrait import read_portrait

    return read_portrait(arguments.source or pretrained.portrait())


def _load(arguments: argparse.Namespace) -> tuple[Any, float]:
    """The animator and the seconds that it took, those of the imports included."""
    start = time.perf_counter()
    from vasa_jax.inference.animator import load

    return load(arguments.checkpoint), time.perf_counter() - start


def _summary(what: str, seconds: dict[str, float]) -> str:
    parts = ", ".join(f"{part} {value:.1f}" for part, value in seconds.items())
    return f"{what}; seconds: {parts}, total {sum(seconds.values()):.1f}"


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
