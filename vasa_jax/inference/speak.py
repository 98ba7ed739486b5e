"""One video of a portrait that speaks, from files to a file, in memory that does not grow with its length."""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vasa_jax.inference.from_flags import controls_of, placed, provenance_of, size_of, source_of, touches_of


@dataclass(frozen=True)
class Order:
    """What is asked for, read and checked as far as no network is needed.

    Attributes:
      arguments: the flags.
      target: the file to write.
      portrait: uint8 (H, W, 3).
      speech: a `sound.Sound`.
      clip: None, or the `DrivingVideo` of the head pose.
      given: further keywords of `Animator.perform`.
      written: keywords of `write_video`, the size but None where nothing was said of it.
    """

    arguments: argparse.Namespace
    target: Path
    portrait: Any
    speech: Any
    clip: Any
    given: dict[str, Any]
    written: dict[str, Any]


def read_order(arguments: argparse.Namespace) -> Order:
    """What the flags ask for; checks in the order of their cost.

    Raises:
      UserError: something of it cannot be.
    """
    from vasa_jax import pretrained
    from vasa_jax.inference.driving_file import open_driving
    from vasa_jax.inference.output_file import check_other_than, check_target
    from vasa_jax.inference.speech_file import open_speech

    written = {"size": size_of(arguments), **provenance_of(arguments)}
    given = {**controls_of(arguments), "touches": touches_of(arguments), "pose": arguments.pose}
    target = check_target(arguments.output)
    check_other_than(target, (arguments.pose_from, arguments.audio))
    portrait = source_of(arguments)
    clip = None if arguments.pose_from is None else open_driving(arguments.pose_from, not arguments.no_crop_driving)
    return Order(arguments, target, portrait, open_speech(arguments.audio or pretrained.speech()), clip, given, written)


def carry_out(order: Order, animator: Any, progress: Any) -> tuple[int, dict[str, float]]:
    """Write the video; the file is there whole or not at all.

    Args:
      progress: see `Animator.perform`.

    Returns:
      The number of frames, and the seconds of each part.

    Raises:
      UserError: the portrait shows no face, the weights cannot do it, the file cannot be written.
    """
    from vasa_jax.inference.performance import timed
    from vasa_jax.inference.video_file import default_size, write_video
    from vasa_jax.types import FPS

    portrait, crop, setting = placed(animator, order.portrait, order.arguments)
    poses = None if order.clip is None else order.clip.frames(animator.image_size, animator.framing)
    performance = animator.perform(
        portrait, order.speech, crop=crop, pose_from=poses, progress=progress, **order.given
    )  # fmt: skip
    size = order.written["size"] or default_size(animator.image_size)
    record = performance.record.agreed(order.arguments.consent)
    seconds, start = {"write": 0.0}, time.perf_counter()
    with performance:
        frames = timed(performance, seconds, "write", -1)
        shown, size = (frames, size) if setting is None else (setting.paste(frames), setting.size)
        told = {**order.written, "size": size, "record": record}
        write_video(order.target, shown, order.speech, order.speech.rate, fps=FPS, **told)
    seconds["write"] += time.perf_counter() - start
    return performance.count, {**performance.seconds, **seconds}
