"""A stream that runs for long, and streams beside the same speech offline.

    python -m vasa_jax.evaluation.streaming --out FOLDER [--minutes 30] [--audio speech.wav] [--checkpoint W]

Frames are drawn as in any stream. Writes streaming.json, streaming.md and streaming.png.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.evaluation import command
from vasa_jax.evaluation.plotting import pyplot


def main(arguments: list[str] | None = None) -> int:
    """Runs the measurement; see `command.run`."""
    return command.run(measure, _parser(), arguments)


def measure(options: argparse.Namespace) -> str:
    """Streams, measures, writes the report and the plot; gives the table.

    Raises:
      UserError: weights, sound, portrait or a folder is missing, or the weights cannot stream.
    """
    import vasa_jax
    from vasa_jax import pretrained
    from vasa_jax.evaluation.readouts import Readouts
    from vasa_jax.evaluation.report import make_folder
    from vasa_jax.evaluation.streaming.endurance import drift_of_lips, endure
    from vasa_jax.evaluation.streaming.likeness import compare
    from vasa_jax.inference.bars import Bars
    from vasa_jax.inference.portrait import read_portrait
    from vasa_jax.inference.speech_file import model_audio, read_speech
    from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME

    folder = make_folder(options.out)
    portrait = read_portrait(options.source or pretrained.portrait())
    sound = model_audio(*read_speech(options.audio or pretrained.speech()))
    animator = vasa_jax.load(options.checkpoint)
    readouts = Readouts(animator.checkpoint)

    long = np.resize(sound, options.alike * SAMPLE_RATE)
    found: dict[str, Any] = {"alike": compare(animator, portrait, long, options.hop, options.seed, readouts)}
    stream = animator.stream(portrait, hop=options.hop, seed=options.seed)
    with Bars() as bars:
        watched = endure(stream, sound, options.minutes, options.hop, readouts, bars)
    found["delay"] = stream.delay
    found["drift_of_lips"] = drift_of_lips(watched, len(sound) // SAMPLES_PER_FRAME)
    found["minutes"] = [{k: v for k, v in asdict(minute).items() if k != "lips"} for minute in watched]
    text = markdown(found)
    command.write_report(folder, "streaming", options, found, text)
    draw(found, folder / "streaming.png")
    return text


def markdown(found: dict[str, Any]) -> str:
    """Two tables: how alike streams and clips are, and some of the minutes."""
    lines = ["| | delay, ms | distance to offline | lips' correlation with offline | dP | change at joints |"]
    lines += ["|---|---|---|---|---|---|"]
    names = ["online"] * (len(found["alike"]) - 2) + ["offline", "offline, another seed"]
    for name, one in zip(names, found["alike"], strict=True):
        delay = "" if one["delay"] is None else f"{1000 * one['delay']:.0f}"
        numbers = f"{one['distance']:.2f} | {one['lips']:.3f} | {one['pose_change']:.2f} | {one['joints']:.2f}"
        lines.append(f"| {name} | {delay} | {numbers} |")
    lines += ["", "| minute | memory, MB | ms a hop, p50 | p95 | p99 | dP | amplitude |"]
    lines += ["|---|---|---|---|---|---|---|"]
    minutes = found["minutes"]
    for index in sorted({0, len(minutes) // 3, 2 * len(minutes) // 3, len(minutes) - 1}):
        one = minutes[index]
        times = " | ".join(f"{value:.0f}" for value in one["milliseconds"])
        pose, size = one["head_motion"], one["amplitude"]
        lines.append(f"| {index + 1} | {one['memory'] / 1e6:.0f} | {times} | {pose:.2f} | {size:.2f} |")
    lines += ["", f"Sound to frame: {1000 * found['delay']:.0f} ms, and the time of a hop."]
    lines.append(f"The lips of the last minute lag {found['drift_of_lips']} frames behind those of the first.")
    return "\n".join(lines) + "\n"


def draw(found: dict[str, Any], path: Path) -> None:
    """Memory and milliseconds a hop, minute by minute.

    Raises:
      UserError: matplotlib is not installed.
    """
    plot = pyplot()
    figure, (left, right) = plot.subplots(1, 2, figsize=(8, 2.8))
    minutes = range(1, len(found["minutes"]) + 1)
    memory = [one["memory"] / 1e6 for one in found["minutes"]]
    left.plot(minutes, memory, color="#1b6ca8")
    left.set(xlabel="minute", ylabel="memory, MB", ylim=(0, 1.2 * max(memory)))
    for index, name in enumerate(("p50", "p95", "p99")):
        right.plot(minutes, [one["milliseconds"][index] for one in found["minutes"]], label=name)
    right.set(xlabel="minute", ylabel="ms a hop", ylim=(0, None))
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=80, bbox_inches="tight")
    plot.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = command.new_parser("vasa_jax.evaluation.streaming", __doc__)
    flag = parser.add_argument
    flag("--out", required=True, help="folder for the report")
    flag("--checkpoint", help="folder of released weights; those of the package if not given")
    flag("--source", help="portrait; the bundled one if not given")
    flag("--audio", help="speech that is repeated; the bundled one if not given")
    flag("--minutes", type=int, default=30, help="of the long stream, played as fast as it goes")
    flag("--alike", type=int, default=30, help="seconds that are made offline and online")
    flag("--hop", type=int, default=5, help="frames that are made at once")
    flag("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
