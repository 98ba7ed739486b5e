"""Sweeps gaze, distance and emotions, and reports what is obtained beside what is asked.

    python -m vasa_jax.evaluation.controls --motion data/motion --clips data/talks --assets ASSETS --out FOLDER

The bundled portrait says the beginning of the bundled sentence at every point, with guidance 1 of the control and
without. Writes controls.json, controls.md (a table) and three plots into the folder.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from vasa_jax.errors import UserError
from vasa_jax.evaluation import command


def main(arguments: list[str] | None = None) -> int:
    """Runs the sweep; see `command.run`."""
    return command.run(measure, _parser(), arguments)


def measure(options: argparse.Namespace) -> str:
    """Sweeps, writes the report and the plots; gives the table.

    Raises:
      UserError: weights, data, the judge or a folder is missing.
    """
    from tqdm import tqdm

    import vasa_jax
    from vasa_jax.evaluation.controls import looks, motion_probes, plots, sweep
    from vasa_jax.evaluation.controls.points import points
    from vasa_jax.evaluation.report import make_folder
    from vasa_jax.judges import LandmarkJudge

    folder = make_folder(options.out)
    if bool(options.assets) != bool(options.clips):
        raise UserError("to look at frames, give both --assets (the landmark network) and --clips (true frames)")
    animator = vasa_jax.load(options.checkpoint)
    probes = motion_probes.fit(options.motion, animator.checkpoint.statistics)
    judge = LandmarkJudge(Path(options.assets) / "mediapipe") if options.assets else None
    known = looks.fit(judge, options.clips, options.true_clips) if judge else None
    spread = float(animator.checkpoint.config["statistics"]["distance"].get("std", 0.04))
    rows = sweep.run(
        _system(animator, options.seconds), sweep.Judges(probes, judge and judge.track, known),
        points(animator.checkpoint.mean_distance, spread), options.seeds, options.steps,
        lambda work: tqdm(work, desc="sweep", unit="point"),
    )  # fmt: skip
    summary = sweep.summarise(rows)
    trust = {"motion": probes.trust, "frames": known.trust if known else {}}
    text, found = markdown(summary), {"readers": trust, "summary": summary, "points": rows}
    command.write_report(folder, "controls", options, found, text)
    plots.draw(rows, folder)
    return text


def markdown(summary: dict[str, Any]) -> str:
    """A line for each control and reader: slope, correlation and error with guidance and without."""
    lines = ["| asked | read from | slope with, without guidance | correlation | mean error |", "|---" * 5 + "|"]
    for title, guided in summary.items():
        for by in guided["with"]:
            with_, without = guided["with"][by], guided["without"][by]
            cells = [f"{with_[key]:.2f}, {without[key]:.2f}" for key in ("slope", "correlation")]
            form = ".1f" if title.startswith("gaze") else ".3f"
            cells.append(f"{with_['error']:{form}}, {without['error']:{form}}")
            lines.append(f"| {title} | {by} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _system(animator: Any, seconds: float) -> Any:
    from vasa_jax import pretrained
    from vasa_jax.evaluation.bundled import framed_portrait
    from vasa_jax.evaluation.controls.sweep import System
    from vasa_jax.inference.speech_file import read_speech

    speech, rate = read_speech(pretrained.speech())
    speech = speech[: int(seconds * rate)]
    portrait = framed_portrait(animator)
    return System(
        move=lambda controls: animator.move(speech, rate, controls),
        draw=lambda motion: animator.draw(portrait, motion, crop=False),
    )


def _parser() -> argparse.ArgumentParser:
    parser = command.new_parser("vasa_jax.evaluation.controls", __doc__)
    parser.add_argument("--checkpoint", help="folder of released weights; the shipped ones without it")
    parser.add_argument("--motion", required=True, help="motion set of the same face model: labels for the probes")
    parser.add_argument("--clips", help="its clip set: true frames with labels, for the landmark network")
    parser.add_argument("--assets", help="folder with mediapipe/; without it the motion alone is read")
    parser.add_argument("--out", required=True, help="folder for the report and the plots")
    parser.add_argument("--seconds", type=float, default=4.0, help="of speech at each point, a window or two")
    parser.add_argument("--seeds", type=int, default=2, help="performances at each point")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--true_clips", type=int, default=160, help="that the landmark network is shown first")
    return parser


if __name__ == "__main__":
    sys.exit(main())
