"""Measures a checkpoint on held-out clips: `python evaluate.py --data DIR --assets DIR --out report.json`."""

import argparse
import sys


def main(arguments: list[str] | None = None) -> int:
    """Runs the evaluation; returns the exit status, 2 for an input that the user has to mend."""
    from vasa_jax.errors import UserError

    options = _parser().parse_args(arguments)
    try:
        _evaluate(options)
    except UserError as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        return 2
    return 0


def _evaluate(options: argparse.Namespace) -> None:
    import vasa_jax
    from vasa_jax.evaluation import report, run
    from vasa_jax.evaluation.reconstruction import rebuilder
    from vasa_jax.types import SAMPLE_RATE

    judges = run.load_judges(options.assets)
    animator = vasa_jax.load(options.checkpoint)

    def animate(portrait, audio, seed):
        video = animator.animate(
            portrait, audio, SAMPLE_RATE, seed=seed + options.seed, steps=options.steps,
            audio_cfg=options.audio_cfg, gaze_cfg=options.gaze_cfg, crop=False,
        )  # fmt: skip
        return video.frames

    rebuild = rebuilder(animator.checkpoint.models.face, animator.params["face"])
    system = run.System(animate, rebuild, animator.image_size)
    keys = ("checkpoint", "data", "split", "clips", "seed", "steps", "audio_cfg", "gaze_cfg")
    settings = {key: getattr(options, key) for key in keys}
    summary = run.evaluate(
        system, judges, options.data, options.split, options.clips, options.out, options.sheet, settings
    )
    print(report.markdown(summary), end="")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--checkpoint", help="folder of released weights; the shipped ones without it")
    parser.add_argument("--data", required=True, help="folder of a clip set")
    parser.add_argument("--split", default="test")
    parser.add_argument("--assets", required=True, help="folder with mediapipe/ and face_identity/")
    parser.add_argument("--out", default="report.json", help="report; a Markdown table is written beside it")
    parser.add_argument("--sheet", help="picture of some generated clips beside the truth (.png)")
    parser.add_argument("--clips", type=int, default=24, help="at most so many clips")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the first clip; each next clip has the next seed"
    )
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--audio_cfg", type=float, default=0.5)
    parser.add_argument("--gaze_cfg", type=float, default=1.0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
