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
from vasa_jax.inference.device_memory import told_when_full
from vasa_jax.inference.flags import BATCH, PROGRAM, REENACTMENT, SPEECH, STILL, parse
from vasa_jax.inference.from_flags import placed, provenance_of, size_of, source_of, touches_of


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
            with told_when_full():
                print(run(arguments))
        except UserError as error:
            _say(f"error: {error}")
            return 2
        except KeyboardInterrupt:
            _say("interrupted; " + ("what was finished stays" if arguments.mode == BATCH else "nothing was written"))
            return 130
    return 0


def run(arguments: argparse.Namespace) -> str:
    """Make what the flags ask for; returns the last line: file, frames, seconds of each part."""
    return {SPEECH: _speak, REENACTMENT: _reenact, STILL: _edit, BATCH: _batch}[arguments.mode](arguments)


def _speak(arguments: argparse.Namespace) -> str:
    from vasa_jax.inference.speak import carry_out, read_order

    order = read_order(arguments)
    start = time.perf_counter()
    animator, load_seconds = _load(arguments)
    from vasa_jax.inference.bars import Bars

    with Bars() as bars:
        count, seconds = carry_out(order, animator, bars)
    total = time.perf_counter() - start
    return _summary(f"{order.target}: {count} frames", {**seconds, "load": load_seconds}, total)


def _batch(arguments: argparse.Namespace) -> str:
    from vasa_jax.inference.batch import read_jobs, work

    jobs = read_jobs(arguments)
    start = time.perf_counter()
    from vasa_jax.inference.loading import load_everywhere

    failed = work(jobs, load_everywhere(**_weights(arguments)), _say)
    made = f"{len(jobs) - failed} of {len(jobs)} videos were made in {time.perf_counter() - start:.1f} s"
    if failed:
        raise UserError(f"{made}; {failed} failed")
    return made


def _reenact(arguments: argparse.Namespace) -> str:
    """Frames are read, moved and written as they come, so that the length of the video does not matter."""
    from vasa_jax.inference.driving_file import open_driving
    from vasa_jax.inference.output_file import check_other_than, check_target
    from vasa_jax.inference.speech_file import open_sound_track
    from vasa_jax.inference.video_file import default_size, write_video
    from vasa_jax.types import FPS, SAMPLE_RATE

    size, touches, told = size_of(arguments), touches_of(arguments), provenance_of(arguments)
    target = check_target(arguments.output)
    paths = [path for path in (arguments.driving, arguments.pose_from) if path is not None]
    check_other_than(target, paths)
    portrait = source_of(arguments)
    start = time.perf_counter()
    clips = [open_driving(path, not arguments.no_crop_driving) for path in paths]
    sound = open_sound_track(clips[0].path, clips[0].start)
    seconds = {"read": time.perf_counter() - start}
    animator, seconds["load"] = _load(arguments)
    start = time.perf_counter()
    driving, *pose_from = (clip.frames(animator.image_size, animator.framing) for clip in clips)
    portrait, crop, setting = placed(animator, portrait, arguments)
    files = {"driving": arguments.driving, "pose_from": arguments.pose_from}
    record = _record(animator, arguments, files, portrait=portrait)
    frames = animator.reenact(
        portrait, driving, pose_from=pose_from[0] if pose_from else None, relative=arguments.pose == "relative",
        touches=touches, crop=crop, record=record,
    )  # fmt: skip
    counted = _Counted(frames, min(clip.expected_frames for clip in clips))
    size = default_size(animator.image_size) if size is None else size
    shown, size = (counted, size) if setting is None else (setting.paste(counted), setting.size)
    write_video(target, shown, sound, SAMPLE_RATE, fps=FPS, size=size, record=record, **told)
    seconds["reenact"] = time.perf_counter() - start
    return _summary(f"{target}: {counted.count} frames", seconds)


def _edit(arguments: argparse.Namespace) -> str:
    from vasa_jax.inference.controls import check_turn, parse_turn
    from vasa_jax.inference.output_file import STILL_ENDINGS, check_other_than, check_target
    from vasa_jax.inference.portrait import read_portrait
    from vasa_jax.inference.still_file import write_still
    from vasa_jax.inference.video_file import default_size

    size, turn, told = size_of(arguments), parse_turn(arguments.turn or "0,0,0"), provenance_of(arguments)
    check_turn(turn)
    target = check_target(arguments.output, STILL_ENDINGS)
    check_other_than(target, (arguments.source, arguments.expression_from))
    portrait = source_of(arguments)
    expression = None if arguments.expression_from is None else read_portrait(arguments.expression_from)
    animator, load_seconds = _load(arguments)
    start = time.perf_counter()
    record = _record(animator, arguments, {"expression_from": arguments.expression_from}, portrait=portrait)
    crop = not arguments.no_crop
    still = animator.edit(portrait, turn=turn, expression_from=expression, crop=crop, record=record)
    write_still(target, still, default_size(animator.image_size) if size is None else size, record=record, **told)
    return _summary(str(target), {"load": load_seconds, "edit": time.perf_counter() - start})


def _record(animator: Any, arguments: argparse.Namespace, files: dict[str, str | None], **arrays: Any) -> Any:
    """What is told of the run: arrays and files that went in, and consent."""
    from dataclasses import replace

    from vasa_jax.provenance.record import hash_file

    record = animator.record(**arrays)
    hashes = {name: hash_file(path) for name, path in files.items() if path is not None}
    return replace(record, inputs={**record.inputs, **hashes}).agreed(arguments.consent)


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


def _load(arguments: argparse.Namespace) -> tuple[Any, float]:
    """The animator and the seconds that it took, those of the imports included."""
    start = time.perf_counter()
    from vasa_jax.inference.loading import load

    return load(**_weights(arguments)), time.perf_counter() - start


def _weights(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords of `loading.load`."""
    given = {name: getattr(arguments, name) for name in ("checkpoint", "exported", "dtype", "frames_at_once")}
    return {name: value for name, value in given.items() if value is not None}


def _summary(what: str, seconds: dict[str, float], total: float | None = None) -> str:
    """Parts that run at the same time take longer together than the total."""
    parts = ", ".join(f"{part} {value:.1f}" for part, value in seconds.items())
    return f"{what}; seconds: {parts}, total {sum(seconds.values()) if total is None else total:.1f}"


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
