"""Renders clips in worker processes and joins them to a data set; a stopped run keeps the clips it has."""

import dataclasses
import hashlib
import json
import multiprocessing
import shutil

import tqdm

from vasa_jax.data import array_records
from vasa_jax.data.synthetic import builder, clip


def fingerprint(settings):
    """A short name for settings: clips of other settings are never mixed in."""
    return hashlib.sha256(json.dumps(dataclasses.asdict(settings), sort_keys=True).encode()).hexdigest()[:12]


def render(settings, plans, clips, processes, total):
    """Renders the missing clips in worker processes."""
    context = multiprocessing.get_context("spawn")
    with (
        context.Pool(processes, initializer=_start_worker, initargs=(settings, clips)) as pool,
        tqdm.tqdm(total=total, initial=total - len(plans), unit="clip", smoothing=0.05) as bar,
    ):
        frames = 0
        for count in pool.imap_unordered(_render_one, plans):
            frames += count
            bar.update()
            bar.set_postfix_str(f"{frames / max(bar.format_dict['elapsed'], 1e-6):.0f} frames/s")


def _start_worker(settings, clips):
    global _job
    _job = (settings, clips)


def _render_one(plan):
    settings, clips = _job
    record = clip.make(settings, plan)
    builder.store(clips, plan, record)
    return len(record["frames"])


def write(settings, splits, clips, out):
    """Joins the clips to records in `out`, by way of the builder's own folder, and removes them."""
    building = out / "building"
    shutil.rmtree(building, ignore_errors=True)  # of a run that was stopped
    heads = builder.SyntheticHeads(settings=settings, clips=clips, splits=splits, data_dir=building)
    array_records.prepare(heads, building, out)
    shutil.rmtree(clips)
