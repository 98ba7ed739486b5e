"""Ten minutes of one head, measured from its motion; frames are drawn for a contact sheet only.

    python -m vasa_jax.evaluation.living --checkpoint W --out FOLDER [--clips data/talks --motion data/motion]

With --clips the sentences are those of a clip set, otherwise the bundled one or those of --audio; with --motion, the
same clips encoded, the behaviour of the data stands beside. Writes living.json, living.md and living.jpg.
"""

import argparse
import sys
from typing import Any

from vasa_jax.errors import UserError
from vasa_jax.evaluation import command

COLUMNS, ROWS = 10, 6  # of the contact sheet
ALIKE = 30.0  # seconds that are spoken once with each seed


def main(arguments: list[str] | None = None) -> int:
    """Runs the measurement; see `command.run`."""
    return command.run(measure, _parser(), arguments)


def measure(options: argparse.Namespace) -> str:
    """Performs, measures, writes the report and the sheet; gives the table.

    Raises:
      UserError: weights, sound, data or a folder is missing.
    """
    import vasa_jax
    from vasa_jax.evaluation.living import measures
    from vasa_jax.evaluation.living.track import make_track
    from vasa_jax.evaluation.readouts import Readouts
    from vasa_jax.evaluation.report import make_folder
    from vasa_jax.inference.bars import Bars
    from vasa_jax.inference.controls import Controls
    from vasa_jax.types import FPS, SAMPLE_RATE

    if options.motion and not options.clips:
        raise UserError("--motion needs the clips that it was encoded from: give --clips as well")
    folder = make_folder(options.out)
    animator = vasa_jax.load(options.checkpoint)
    readouts = Readouts(animator.checkpoint)
    sentences, data = _sentences(options, animator.checkpoint.statistics, readouts)
    track = make_track(sentences, int(options.minutes * 60 * FPS), options.seed)

    def perform(seed: int, seconds: float) -> Any:
        sound = track.audio[: int(seconds * SAMPLE_RATE)]
        with Bars() as bars:
            motion = animator.move(sound, SAMPLE_RATE, Controls(seed=seed, steps=options.steps), bars)
        return measures.read(readouts, motion)

    head = perform(options.seed, 60 * options.minutes)
    others = [perform(options.seed + k, min(ALIKE, 60 * options.minutes)) for k in range(options.seeds)]
    found = {
        "generated": measures.behaviour(measures.cut(head, track.audio)),
        "data": measures.behaviour(data) if data else {},
        "pauses": measures.pauses(head, track.speech, track.rest),
        "drift": measures.drift(head),
        "seeds": measures.between_seeds(others),
    }
    text = markdown(found)
    command.write_report(folder, "living", options, found, text)
    _draw_sheet(animator, head.motion, folder / "living.jpg")
    return text


def markdown(found: dict[str, Any]) -> str:
    """Two tables: behaviour beside the data's, and drift."""
    lines = ["| measure | generated | data |", "|---|---|---|"]
    titles = {
        "blinks_per_minute": ("Blinks a minute", ".1f"),
        "head_motion": ("Head motion dP, degrees a frame", ".3f"),
        "head_with_energy": ("Head speed with loudness of speech, correlation", ".2f"),
        "lips_with_energy": ("Lip opening with loudness, correlation", ".2f"),
    }
    for name, (title, form) in titles.items():
        cells = [f"{found[whose][name]:{form}}" if found[whose] else "" for whose in ("generated", "data")]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    pauses, seeds = found["pauses"], found["seeds"]
    lines += [
        f"| Lip opening in speech, in pauses | {pauses['lips_speech']:.3f}, {pauses['lips_rest']:.3f} | |",
        f"| Frames of pauses with the mouth shut | {pauses['shut']:.0%} | |",
        f"| Motion in pauses over that in speech | {pauses['alive']:.2f} | |",
        f"| Head motion dP in speech, in pauses | {pauses['head_speech']:.3f}, {pauses['head_rest']:.3f} | |",
        f"| From seed to seed: correlation of lips, of head | {seeds['lips']:.2f}, {seeds['head']:.2f} | |",
        f"| ... difference of the head, degrees | {seeds['head_degrees']:.1f} | |",
        "",
        "| drift of | level | change over all | two standard errors |",
        "|---|---|---|---|",
    ]
    for name, line in found["drift"].items():
        lines.append(f"| {name} | {line['level']:.3f} | {line['change']:+.3f} | {line['bar']:.3f} |")
    return "\n".join(lines) + "\n"


def _sentences(options: argparse.Namespace, statistics: Any, readouts: Any) -> tuple[list, list]:
    """What is said, mono at 16 kHz; and curves and audio of the data's clips, none without --motion."""
    import numpy as np

    from vasa_jax import pretrained
    from vasa_jax.data import clips
    from vasa_jax.evaluation.living import measures
    from vasa_jax.inference.speech_file import model_audio, read_speech

    if not options.clips:
        return [model_audio(*read_speech(path)) for path in options.audio or [pretrained.speech()]], []
    source = clips.open_clips(options.clips, options.split)
    talks = filter(clips.is_talk, source)
    audio = {clips.text(record["clip"]): np.asarray(record["audio"], np.float32) for record in talks}
    encoded = clips.open_clips(options.motion, options.split) if options.motion else []
    data = []
    for record in encoded:
        curves = measures.read(readouts, np.asarray(statistics.standardise(record["motion"]), np.float32))
        if clips.text(record["clip"]) not in audio:
            raise UserError(f"{options.motion} was encoded from other clips than those in {options.clips}")
        data.append((curves, audio[clips.text(record["clip"])]))
    return list(audio.values()), data


def _draw_sheet(animator: Any, motion: Any, path: Any) -> None:
    """Frames at even distances from all of the performance, row by row."""
    import numpy as np
    from PIL import Image

    from vasa_jax.evaluation.bundled import framed_portrait

    chosen = np.linspace(0, len(motion) - 1, COLUMNS * ROWS).astype(int)
    frames = animator.draw(framed_portrait(animator), motion[chosen], crop=False)
    rows = frames.reshape(ROWS, COLUMNS, *frames.shape[1:])
    Image.fromarray(np.concatenate([np.concatenate(row, 1) for row in rows])).save(path, quality=80)


def _parser() -> argparse.ArgumentParser:
    parser = command.new_parser("vasa_jax.evaluation.living", __doc__)
    parser.add_argument("--checkpoint", help="folder of released weights; the shipped ones without it")
    parser.add_argument("--out", required=True, help="folder for the report and the sheet")
    parser.add_argument("--audio", nargs="+", help="sound files of sentences; the bundled one without it")
    parser.add_argument("--clips", help="clip set whose sentences are said instead")
    parser.add_argument("--split", default="test", help="of it")
    parser.add_argument("--motion", help="the same clips encoded (data.encode_motion), to stand beside")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, default=3, help="performances of the first half minute to compare")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=50)
    return parser


if __name__ == "__main__":
    sys.exit(main())
