"""Command line: from a folder of videos of people who speak to a clip set for training.

    python -m vasa_jax.data.prepare --videos DIR --out DIR

A run that was stopped goes on where it was when the same command is given again. Flags that are not listed here are
Apache Beam's: they choose where the work runs, by default on all cores of this machine. See docs/videos.md.
"""

import argparse
import dataclasses
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from vasa_jax.data.videos import identities
from vasa_jax.data.videos.layouts import LAYOUTS
from vasa_jax.errors import UserError, leave_on_mistake

DEFAULT_LANDMARKS = f"{os.environ.get('VASA_ASSETS', '../shared/assets')}/mediapipe"


def parse(arguments: list[str] | None = None) -> tuple[argparse.Namespace, list[str]]:
    """The flags, and those of Beam."""
    parser = argparse.ArgumentParser(
        "python -m vasa_jax.data.prepare", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    flag = parser.add_argument
    flag("--videos", type=Path, required=True, help="folder of videos, with folders in it or without")
    flag("--out", type=Path, required=True, help="folder of the clip set, its table of refusals and its report")
    flag("--no_manifest", action="store_true", help="do without manifest.csv, which says whence and by whose consent")
    who = parser.add_argument_group("who is seen, where the manifest does not say").add_mutually_exclusive_group()
    who.add_argument("--identity_folder", action="store_true", help="a folder a person: the default without --layout")
    who.add_argument("--identity_pattern", metavar="REGEX", help="what its group finds in a video's path")
    who.add_argument("--identity_table", metavar="CSV", help="a table with the columns video and identity")
    who.add_argument("--identity_faces", metavar="NETWORK", help="faces that look alike to this identity network")
    flag("--layout", choices=sorted(LAYOUTS), help="clips and people as in this known set, see docs/known_sets.md")
    flag("--held_out", type=float, default=0.05, help="share of the people whose clips are for validation")
    flag("--landmarks", default=DEFAULT_LANDMARKS, help="folder of MediaPipe's three graphs")
    flag("--gaze", default="", help="a stronger gaze network than the one that ships")
    flag("--emotion", default="", help="a classifier of emotions; without one the label is absent")
    flag("--segmenter", default="", help="a network that tells the person from the background; without one no masks")
    flag("--size", type=int, default=512, help="side of the frames in pixels")
    flag("--quality", type=int, default=95, help="of the JPEG frames")
    flag("--shortest", type=float, default=2.0, help="seconds of a clip at least")
    flag("--longest", type=float, default=10.0, help="seconds of a clip at most")
    limit = parser.add_argument_group("limits; 0 refuses nothing for this reason").add_argument
    limit("--least_square", type=int, default=0, help="pixels of the head's square in the video; 0: half of --size")
    limit("--largest_yaw", type=float, default=50.0, help="degrees; the landmarks tell no more")
    limit("--largest_pitch", type=float, default=45.0, help="degrees, likewise")
    limit("--least_sharpness", type=float, default=0.04, help="of the pictures, 0.1 for a face in focus")
    limit("--least_speech", type=float, default=0.3, help="share of the time in which somebody is heard speaking")
    limit("--most_music", type=float, default=0.2, help="share of the sound in which a tone holds still")
    limit("--largest_offset", type=float, default=1.5, help="frames by which lips and sound may be apart")
    limit("--least_sync", type=float, default=0.0, help="confidence that lips and sound go together")
    return parser.parse_known_args(arguments)


def settings_of(flags: argparse.Namespace):
    """The flags that decide what a clip is; UserError for numbers that make no sense."""
    from vasa_jax.data.videos.settings import Settings

    names = {field.name for field in dataclasses.fields(Settings)}
    given = {name: value for name, value in vars(flags).items() if name in names}
    given["identity"] = flags.identity_faces or ""
    if not 0 < flags.shortest <= flags.longest:
        raise UserError(f"--shortest {flags.shortest:g} and --longest {flags.longest:g}: give 0 < shortest <= longest")
    if flags.size < 32 or not 1 <= flags.quality <= 100:
        raise UserError(f"--size {flags.size} and --quality {flags.quality}: give 32 pixels or more, and 1 to 100")
    if not 0 <= flags.held_out < 1:
        raise UserError(f"--held_out {flags.held_out:g}: give a share from 0 to below 1")
    return Settings(**given)


def rule_of(flags: argparse.Namespace):
    """What tells the identity from a video's path; None where faces do."""
    if flags.identity_faces:
        return None
    if flags.identity_pattern:
        return identities.by_pattern(flags.identity_pattern)
    if flags.identity_table:
        return identities.by_table(flags.identity_table)
    return LAYOUTS[flags.layout].identity if flags.layout and not flags.identity_folder else identities.by_folder


def main(arguments: list[str] | None = None) -> None:
    flags, beam = parse(arguments)
    for name in ("apache_beam", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with leave_on_mistake("prepare"):
        from vasa_jax.data.videos.engine import Engine
        from vasa_jax.data.videos.manifest import read_manifest
        from vasa_jax.data.videos.run import REPORT, list_videos, run
        from vasa_jax.data.videos.who import Who

        settings, engine = settings_of(flags), Engine(beam)
        videos = list_videos(flags.videos)
        if flags.layout:
            videos = LAYOUTS[flags.layout].clips(videos)
        entries: Mapping = {} if flags.no_manifest else read_manifest(flags.videos, videos)
        who = Who(rule_of(flags), {video: entry.identity for video, entry in entries.items() if entry.identity})
        fields = {video: entry.fields for video, entry in entries.items()}
        result = run(flags.videos, videos, flags.out, settings, engine, who, fields, flags.held_out)
        told = f"{result.clips} clips, {result.seconds:.0f} s; {result.refusals} stretches refused"
        print(f"{told}: see {flags.out / REPORT}")


if __name__ == "__main__":
    main()
