"""The flags of `infer.py`, with the names that users of other systems type; no import that takes time."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

PROGRAM = "infer.py"
DESCRIPTION = """A portrait speaks: one picture and a speech clip become a video. Without flags, the bundled
sample is animated."""


class _Parser(argparse.ArgumentParser):
    """One line for a mistake, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (--help lists the flags)\n")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The flags by name; leaves with exit status 2 and one line on stderr where they cannot be understood."""
    parser = _Parser(prog=PROGRAM, allow_abbrev=False, description=DESCRIPTION)
    _add_files(parser)
    _add_controls(parser)
    return parser.parse_args(_joined(words))


def _add_files(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--source", "-s", "--source_image", metavar="IMAGE", help="portrait (default: the bundled one)")
    add("--audio", "-a", "--driven_audio", metavar="FILE", help="speech (default: the bundled sentence)")
    add("--output", "-o", metavar="MP4", default="talking.mp4", help="video to write (default: talking.mp4)")
    add("--output_size", type=int, metavar="PIXELS", help="side of the video (default: 256, or the network's)")
    add("--no_crop", action="store_true", help="the portrait is framed already: take its centred square")
    add("--checkpoint", metavar="FOLDER", help="weights (default: those that ship with the package)")


def _add_controls(parser: argparse.ArgumentParser) -> None:
    def add(*names: str, **options: object) -> None:
        parser.add_argument(*names, metavar=options.pop("metavar", "N"), **options)

    add("--seed", type=int, default=0, help="another seed, another performance (default: 0)")
    add("--steps", "--nfe", type=int, default=50, help="diffusion steps; 10 are quicker (default: 50)")
    add("--audio_cfg", "--a_cfg_scale", type=float, default=0.5, help="guidance of the speech (default: 0.5)")
    add("--gaze_cfg", type=float, default=1.0, help="guidance of the gaze (default: 1)")
    add("--gaze", metavar="YAW,PITCH", default="0,0", help="degrees to the right and up (default: 0,0)")
    add("--distance", type=float, help="of the head; 1 is the reference (default: the training set's mean)")
    add("--emotion", metavar="NAME[:STRENGTH]", help="such as happy or sad:0.5; a wrong name lists all")


def _joined(words: Sequence[str]) -> list[str]:
    """`--gaze -10,5` as `--gaze=-10,5`: argparse takes a value that begins with a minus for a flag."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--gaze":
            joined[-1] = f"--gaze={word}"
        else:
            joined.append(word)
    return joined
