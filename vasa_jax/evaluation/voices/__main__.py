"""What the lips do to speech unlike the training's: own recordings, disguised clips, voices of other programs.

    python -m vasa_jax.evaluation.voices --speech_folder OWN --clips data/talks --languages de fr --out FOLDER

Lips are read from the motion, and with --assets also from the drawn frames by the landmark network. Recordings are
sound files with what is said in English (NAME.txt) or phones (NAME.json: [[label, start s, end s], ...]) beside
them. Writes voices.json and voices.md.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vasa_jax.errors import UserError
from vasa_jax.evaluation import command


def main(arguments: list[str] | None = None) -> int:
    """Runs the measurement; see `command.run`."""
    return command.run(measure, _parser(), arguments)


def measure(options: argparse.Namespace) -> str:
    """Hears everything, writes the report; gives the table.

    Raises:
      UserError: nothing to hear; weights, sound, a program or a folder is missing.
    """
    from tqdm import tqdm

    import vasa_jax
    from vasa_jax.evaluation.report import make_folder
    from vasa_jax.evaluation.voices import measures

    heard = _heard(options)
    folder = make_folder(options.out)
    animator = vasa_jax.load(options.checkpoint)
    listeners = _listeners(animator, options)
    rows: dict[str, dict[str, list]] = {by: {} for by in listeners}
    for group, speech in tqdm(heard, desc="listen", unit="recording"):
        motion = _move(animator, speech.audio, options)
        for by, lips in listeners.items():
            row = {"name": speech.name, **measures.measure(speech, lips(motion))}
            rows[by].setdefault(group, []).append(row)
    tables = {
        by: {group: measures.mean([{k: v for k, v in row.items() if k != "name"} for row in some])
             for group, some in groups.items()}
        for by, groups in rows.items()
    }  # fmt: skip
    text = "\n".join(measures.markdown(table, f"read from the {by}") for by, table in tables.items())
    command.write_report(folder, "voices", options, {"means": tables, "recordings": rows}, text)
    return text


def _heard(options: argparse.Namespace) -> list[tuple[str, Any]]:
    """(group, speech) of all that is asked for."""
    from vasa_jax.evaluation.voices.disguises import DISGUISES
    from vasa_jax.evaluation.voices.programs import espeak_voice, flite_voice
    from vasa_jax.evaluation.voices.speech import read_clips, read_folder

    heard = []
    if options.speech_folder:
        heard += [(Path(options.speech_folder).name, speech) for speech in read_folder(options.speech_folder)]
    clips = list(read_clips(options.clips, options.split, options.count)) if options.clips else []
    for name, disguise in DISGUISES.items():
        heard += [(f"clips, {name}", disguise(speech)) for speech in clips]
    for speech in (*map(flite_voice, options.flite), *map(espeak_voice, options.languages)):
        heard.append((speech.name, speech))
    if not heard:
        raise UserError("nothing to hear: give --speech_folder, --clips, --flite or --languages")
    return heard


def _listeners(animator: Any, options: argparse.Namespace) -> dict[str, Callable]:
    """motion -> lip opening, by where it is read from."""
    from vasa_jax.evaluation.bundled import framed_portrait
    from vasa_jax.evaluation.readouts import Readouts
    from vasa_jax.judges import LandmarkJudge, readings

    listeners = {"motion": Readouts(animator.checkpoint).lip_opening}
    if options.assets:
        judge = LandmarkJudge(Path(options.assets) / "mediapipe")
        square = framed_portrait(animator)
        listeners["frames"] = lambda motion: readings.read(judge, animator.draw(square, motion, crop=False)).lip_opening
    return listeners


def _move(animator: Any, audio: Any, options: argparse.Namespace) -> Any:
    from vasa_jax.inference.controls import Controls
    from vasa_jax.types import SAMPLE_RATE

    return animator.move(audio, SAMPLE_RATE, Controls(seed=options.seed, steps=options.steps))


def _parser() -> argparse.ArgumentParser:
    parser = command.new_parser("vasa_jax.evaluation.voices", __doc__)
    parser.add_argument("--checkpoint", help="folder of released weights; the shipped ones without it")
    parser.add_argument("--out", required=True, help="folder for the report")
    parser.add_argument("--speech_folder", help="own recordings, with .txt or .json beside them")
    parser.add_argument("--clips", help="clip set whose talks are heard, as they are and disguised")
    parser.add_argument("--split", default="test", help="of it")
    parser.add_argument("--count", type=int, help="at most so many talks")
    parser.add_argument("--flite", nargs="*", default=[], metavar="VOICE", help="voices of flite, such as kal16")
    parser.add_argument("--languages", nargs="*", default=[], metavar="LANGUAGE", help="of espeak-ng, such as de")
    parser.add_argument("--assets", help="folder with mediapipe/: look at drawn frames too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=50)
    return parser


if __name__ == "__main__":
    sys.exit(main())
