"""The flags of `infer.py`, with the names that users of other systems type; no import that takes time."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

PROGRAM = "infer.py"
DESCRIPTION = """A portrait speaks: one picture and a speech clip become a video. Without flags, the bundled
sample is animated. With --driving the portrait moves like the person in a video; with --turn or --expression_from
it becomes another still."""
# Each mode by the flags that ask for it, and those that it alone understands; speech is what is left.
STILL, REENACTMENT, SPEECH = "a still", "--driving", "speech"
ASKED_BY = {STILL: ("turn", "expression_from"), REENACTMENT: ("driving",)}
UNDERSTOOD_BY = {
    STILL: ("turn", "expression_from"),
    REENACTMENT: ("driving", "pose_from", "pose", "no_crop_driving"),
    SPEECH: ("audio", "seed", "steps", "audio_cfg", "gaze_cfg", "gaze", "distance", "emotion"),
}
DEFAULT_OUTPUTS = {STILL: "edited.png", REENACTMENT: "talking.mp4", SPEECH: "talking.mp4"}


class _Parser(argparse.ArgumentParser):
    """One line for a mistake, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (--help lists the flags)\n")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The flags by name, with their `mode`; leaves with exit status 2 and one line on stderr where they cannot be
    understood, each alone or together."""
    parser = _Parser(prog=PROGRAM, allow_abbrev=False, description=DESCRIPTION)
    _add_files(parser)
    _add_reenactment(parser)
    _add_controls(parser)
    arguments = parser.parse_args(_joined(words))
    arguments.mode = _mode(parser, arguments)
    arguments.output = arguments.output or DEFAULT_OUTPUTS[arguments.mode]
    return arguments


def _mode(parser: _Parser, arguments: argparse.Namespace) -> str:
    """The one mode that the flags ask for; a flag of another mode would change nothing, so it is refused."""

    def given(names: Sequence[str]) -> list[str]:
        return [name for name in names if getattr(arguments, name) is not None]

    mode = next((mode for mode, names in ASKED_BY.items() if given(names)), SPEECH)
    for other, names in UNDERSTOOD_BY.items():
        if other != mode and (stray := given(names)):
            asking = given(ASKED_BY[mode]) if mode in ASKED_BY else []
            parser.error(f"--{stray[0]} does not go with --{asking[0]}" if asking else f"--{stray[0]} needs {other}")
    return mode


def _add_files(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--source", "-s", "--source_image", metavar="IMAGE", help="portrait (default: the bundled one)")
    add("--audio", "-a", "--driven_audio", metavar="FILE", help="speech (default: the bundled sentence)")
    add("--output", "-o", metavar="FILE", help="to write (default: talking.mp4; of a still, edited.png)")
    add("--output_size", type=int, metavar="PIXELS", help="side of the output (default: 256, or the network's)")
    add("--no_crop", action="store_true", help="the portrait is framed already: take its centred square")
    add("--checkpoint", metavar="FOLDER", help="weights (default: those that ship with the package)")


def _add_reenactment(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("motion from a video, or a still edited").add_argument
    add("--driving", "-d", "--driving_video", metavar="VIDEO", help="the portrait moves like the person in it")
    add("--pose_from", metavar="VIDEO", help="head pose from this one, the face's dynamics from --driving")
    add("--pose", choices=("absolute", "relative"), help="as the driver's is (default), or starting at the portrait's")
    framed = "videos are framed already: take their centred square"
    add("--no_crop_driving", action="store_true", default=None, help=framed)
    add("--turn", metavar="YAW,PITCH,ROLL", help="turn the head: degrees to the right, up, counter-clockwise")
    add("--expression_from", metavar="IMAGE", help="the expression of the face in it")


def _add_controls(parser: argparse.ArgumentParser) -> None:
    """None where a flag is not given, to tell one that is; the defaults are those of `controls.Controls`."""
    group = parser.add_argument_group("how it speaks")

    def add(*names: str, **options: object) -> None:
        group.add_argument(*names, metavar=options.pop("metavar", "N"), **options)

    add("--seed", type=int, help="another seed, another performance (default: 0)")
    add("--steps", "--nfe", type=int, help="diffusion steps; 10 are quicker (default: 50)")
    add("--audio_cfg", "--a_cfg_scale", type=float, help="guidance of the speech (default: 0.5)")
    add("--gaze_cfg", type=float, help="guidance of the gaze (default: 1)")
    add("--gaze", metavar="YAW,PITCH", help="degrees to the right and up (default: 0,0)")
    add("--distance", type=float, help="of the head; 1 is the reference (default: the training set's mean)")
    add("--emotion", metavar="NAME[:STRENGTH]", help="such as happy or sad:0.5; a wrong name lists all")


def _joined(words: Sequence[str]) -> list[str]:
    """`--gaze -10,5` as `--gaze=-10,5`, and so `--turn`: argparse takes a value that begins with a minus for a flag."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in ("--gaze", "--turn"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
