"""Command line: renders a data set of synthetic talking heads with all cores.

    python -m vasa_jax.data.synthetic --assets ../shared/assets --out data/heads --identities 600 --talk 600

A run that was stopped goes on where it was when the same command is given again.
"""

import argparse
import dataclasses
import os
import pathlib
import sys

from vasa_jax.errors import UserError

DEFAULT_ASSETS = os.environ.get("VASA_ASSETS", "../shared/assets")


def parse(arguments=None):
    """Reads the flags."""
    parser = argparse.ArgumentParser("python -m vasa_jax.data.synthetic", description=__doc__.splitlines()[0])
    flag = parser.add_argument
    flag("--out", required=True, help="folder of the data set; tfds.builder_from_directory reads it")
    flag("--assets", default=DEFAULT_ASSETS, help="folder with ict_facekit/ and speech/")
    flag("--size", type=int, default=128, help="side of the frames in pixels")
    flag("--supersample", type=int, default=2, help="raster pixels per pixel along a side")
    flag("--identities", type=int, default=500, help="training identities")
    flag("--range_frames", type=int, default=24, help="frames of each identity's range clip; 0 for none")
    flag("--talk", type=int, default=500, help="training talk clips: recorded speech first, then flite")
    flag("--validation", type=int, default=24, help="identities and talk clips for validation")
    flag("--test", type=int, default=24, help="identities and talk clips for the test")
    flag("--max_seconds", type=float, default=8.0, help="longest talk clip")
    flag("--seed", type=int, default=0)
    flag("--splits", default="train,validation,test", help="comma-separated splits to write")
    flag("--processes", type=int, default=os.cpu_count())
    return parser.parse_args(arguments)


def main(arguments=None):
    """Renders clips, writes the data set, and returns its folder."""
    flags = parse(arguments)
    if flags.processes > 1:
        for name in ("LP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(name, "1")  # the workers take the cores
    from vasa_jax.data import array_records
    from vasa_jax.data.synthetic import builder, clip, head_model, production

    settings = clip.Settings(**{f.name: getattr(flags, f.name) for f in dataclasses.fields(clip.Settings)})
    splits = flags.splits.split(",")
    if unknown := set(splits) - set(clip.SPLITS):
        raise UserError(f"unknown split {unknown.pop()}: choose from {', '.join(clip.SPLITS)}")
    head_model.load(settings.assets)
    out = pathlib.Path(flags.out)
    array_records.check_new(out)
    clips = out / f"clips-{production.fingerprint(settings)}"
    clips.mkdir(parents=True, exist_ok=True)
    plans = [plan for split in splits for plan in clip.plans(settings, split)]
    missing = [plan for plan in plans if not builder.path(clips, plan).exists()]
    production.render(settings, missing, clips, flags.processes, len(plans))
    production.write(settings, splits, clips, out)
    return out


if __name__ == "__main__":
    try:
        print(main())
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
