"""The flags of `infer.py`, with the names that users of other systems type; no import that takes time."""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from vasa_jax.errors import UserError

PROGRAM = "infer.py"
DESCRIPTION = """A portrait speaks: one picture and a speech clip become a video. Without flags, the bundled
sample is animated. With --driving the portrait moves like the person in a video; with --turn or --expression_from
it becomes another still."""
# Each mode by the flags that ask for it, and those that it alone understands; speech is what is left.
STILL, REENACTMENT, SPEECH, BATCH = "a still", "--driving", "speech", "--batch"
ASKED_BY = {STILL: ("turn", "expression_from"), REENACTMENT: ("driving",), BATCH: ("batch",)}
TOUCHES = ("expression_strength", "pose_offset", "look", "eyes", "lips", "landmarks")
UNDERSTOOD_BY = {
    STILL: ("turn", "expression_from"),
    REENACTMENT: ("driving", "pose_from", "pose", "no_crop_driving", "paste_back", *TOUCHES),
    SPEECH: (
        "audio", "seed", "steps", "audio_cfg", "gaze_cfg", "gaze", "distance", "emotion", "distance_cfg", "emotion_cfg",
        "blinks", "sampler", "eta", "fast", "pose_from", "pose", "no_crop_driving",
        "paste_back", *TOUCHES,
    ),
}  # fmt: skip
UNDERSTOOD_BY[BATCH] = ("batch", *UNDERSTOOD_BY[SPEECH])
DEFAULT_OUTPUTS = {STILL: "edited.png", REENACTMENT: "talking.mp4", SPEECH: "talking.mp4", BATCH: None}


class _Parser(argparse.ArgumentParser):
    """A mistake is an error, not an exit."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """What `understood` gives; leaves with exit status 2 and one line on stderr where the flags cannot be understood,
    each alone or together."""
    try:
        return understood(words)
    except UserError as error:
        print(f"{PROGRAM}: error: {error} (--help lists the flags)", file=sys.stderr)
        raise SystemExit(2) from error


def understood(words: Sequence[str]) -> argparse.Namespace:
    """The flags by name, with the `words` themselves and their `mode`; UserError where they cannot be understood."""
    parser = _Parser(prog=PROGRAM, allow_abbrev=False, description=DESCRIPTION)
    _add_files(parser)
    _add_reenactment(parser)
    _add_controls(parser)
    _add_touches(parser)
    _add_provenance(parser)
    arguments = parser.parse_args(_joined(words))
    arguments.mode = _mode(parser, arguments)
    arguments.output = arguments.output or DEFAULT_OUTPUTS[arguments.mode]
    arguments.words = tuple(words)
    return arguments


def _mode(parser: _Parser, arguments: argparse.Namespace) -> str:
    """The one mode that the flags ask for; a flag of another mode would change nothing, so it is refused."""

    def given(names: Sequence[str]) -> list[str]:
        return [name for name in names if getattr(arguments, name) is not None]

    mode = next((mode for mode, names in ASKED_BY.items() if given(names)), SPEECH)
    if mode == BATCH and arguments.output:
        parser.error("--output does not go with --batch, whose table names one for each video")
    for other, names in UNDERSTOOD_BY.items():
        if stray := given([name for name in names if name not in UNDERSTOOD_BY[mode]]):
            asking = given(ASKED_BY[mode]) if mode in ASKED_BY else []
            parser.error(f"--{stray[0]} does not go with --{asking[0]}" if asking else f"--{stray[0]} needs {other}")
    _check_pose(parser, arguments, mode)
    if arguments.paste_back and arguments.output_size:
        parser.error("--output_size does not go with --paste_back, which keeps the photograph's")
    if arguments.exported and arguments.checkpoint:
        parser.error("--checkpoint does not go with --exported, which brings its weights")
    if arguments.exported and arguments.dtype:
        parser.error("--dtype does not go with --exported, which has its own")
    if arguments.fast and (own := given(("steps", "sampler", "eta"))):
        parser.error(f"--{own[0]} does not go with --fast, which has its own")
    return mode


def _check_pose(parser: _Parser, arguments: argparse.Namespace, mode: str) -> None:
    """A head pose comes from a video, or it is fixed."""
    fixed = arguments.pose == "fixed"
    if fixed and mode == REENACTMENT:
        parser.error("--pose fixed does not go with --driving")
    if fixed and arguments.pose_from:
        parser.error("--pose fixed does not go with --pose_from")
    if mode in (SPEECH, BATCH) and not arguments.pose_from:
        if arguments.no_crop_driving:
            parser.error("--no_crop_driving needs --driving or --pose_from")
        if arguments.pose and not fixed:
            parser.error(f"--pose {arguments.pose} needs --driving or --pose_from")


def _add_files(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--source", "-s", "--source_image", metavar="IMAGE", help="portrait (default: the bundled one)")
    add("--audio", "-a", "--driven_audio", metavar="FILE", help="speech (default: the bundled sentence)")
    add("--output", "-o", metavar="FILE", help="to write (default: talking.mp4; of a still, edited.png)")
    add("--output_size", type=int, metavar="PIXELS", help="side of the output (default: 256, or the network's)")
    add("--no_crop", action="store_true", help="the portrait is framed already: take its centred square")
    add("--paste_back", action="store_true", default=None, help="put the frames back into the whole photograph")
    add("--checkpoint", metavar="FOLDER", help="weights (default: those that ship with the package)")
    add("--dtype", choices=("float32", "bfloat16"), help="what the face's networks compute in (default: float32)")
    add("--frames_at_once", type=int, metavar="N", help="drawn by one call, fewer for a small device (default: 8)")
    add("--exported", metavar="FOLDER", help="weights and programs of python -m vasa_jax.export, which start faster")
    add("--batch", metavar="TABLE", help="CSV of many videos: columns output, source, audio, consent, controls")


def _add_reenactment(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("motion from a video, or a still edited").add_argument
    add("--driving", "-d", "--driving_video", metavar="VIDEO", help="the portrait moves like the person in it")
    add("--pose_from", metavar="VIDEO", help="head pose from this one, the rest from --driving or from speech")
    poses = "as the driver's is (default), or starting at the portrait's; with speech also fixed: the portrait's own"
    add("--pose", choices=("absolute", "relative", "fixed"), help=poses)
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
    add("--sampler", metavar="NAME", help="ddim or dpm (default: ddim)")
    add("--eta", type=float, help="fresh noise in each step of ddim, 0 to 1 (default: 0)")
    group.add_argument("--fast", action="store_true", default=None, help="4 steps by the weights' few-step student")
    add("--audio_cfg", "--a_cfg_scale", type=float, help="guidance of the speech (default: 0.5)")
    add("--gaze_cfg", type=float, help="guidance of the gaze (default: 1)")
    add("--gaze", metavar="YAW,PITCH", help="degrees to the right and up (default: 0,0)")
    add("--distance", type=float, help="of the head; 1 is the reference (default: the training set's mean)")
    add("--emotion", metavar="NAME[:STRENGTH]", help="such as happy or sad:0.5; a wrong name lists all")
    add("--distance_cfg", type=float, help="guidance of the distance (default: 0)")
    add("--emotion_cfg", type=float, help="guidance of the emotion: 1 shows it more clearly (default: 0)")
    add("--blinks", type=float, help="a minute, 0 to 60 (default: as the motion has them)")


def _add_touches(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is changed of the motion before it is drawn").add_argument
    add("--expression_strength", type=float, metavar="N", help="0 for none, 1 as it is (default), to 3")
    add("--pose_offset", metavar="YAW,PITCH,ROLL", help="turn the head on: degrees to the right, up, counter-clockwise")
    add("--look", metavar="X,Y", help="turn the eyes on, to the right and up, -1 to 1 (LivePortrait)")
    add("--eyes", type=float, metavar="RATIO", help="open the eyes so far, height over width, 0 to 0.8 (LivePortrait)")
    add("--lips", type=float, metavar="RATIO", help="open the lips so far (LivePortrait)")
    add("--landmarks", metavar="FOLDER", help="MediaPipe's graphs, which --eyes and --lips measure the portrait with")


def _add_provenance(parser: argparse.ArgumentParser) -> None:
    """What concerns the marks; there is no flag that leaves out the mark in the frames or the signed manifest."""
    add = parser.add_argument_group("how it is marked as generated, see docs/responsible_use.md").add_argument
    add("--consent", metavar="WORDS", help="who agreed to be shown, and how; stored in the file (default: not stated)")
    add("--label", metavar="none|TEXT", help="the label that is seen (default: that it is AI-generated)")
    add("--label_place", metavar="PLACE", help="top or bottom (default: bottom)")
    add("--label_language", metavar="CODE", help="of the label's own words (default: en); a wrong one lists all")
    add("--label_font", metavar="FILE", help="font with the label's letters (default: Pillow's)")
    add("--signing", metavar="FILE", help="your key and its certificates, PEM (default: made once on this machine)")


def _joined(words: Sequence[str]) -> list[str]:
    """`--gaze -10,5` as `--gaze=-10,5`, and so `--turn`: argparse takes a value that begins with a minus for a flag."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in ("--gaze", "--turn", "--pose_offset", "--look"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
