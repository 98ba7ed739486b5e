"""How fast a portrait speaks, offline and live, beside PyTorch: `python -m benchmarks.inference --out inference.md`.

Offline, rows for decoding in batches and one by one, for motion alone, and for all of it from file to file; the ways
take turns, PyTorch's networks are ours with the same weights (motion by DDIM), and that they agree is checked first.
Live: streams under the clock of their sound. Starts: each in a process of its own. For accelerators:

    python -m benchmarks.inference --size paper --dtype bfloat16 --seconds 60 --streams 1 --streams 8 --out inference.md
    python -m benchmarks.inference --size liveportrait --dtype bfloat16 --seconds 20 --out inference.md
"""

import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

from absl import app, flags

CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Released weights; those that ship if not given.")
SIZE = flags.DEFINE_enum("size", None, ["tiny", "demo", "paper", "liveportrait"], "In place of them: random weights.")
DTYPE = flags.DEFINE_enum("dtype", "float32", ["float32", "bfloat16"], "What the face's networks compute in.")
DEVICE = flags.DEFINE_enum("device", None, ["cpu", "gpu", "tpu"], "What JAX finds if not given.")
SECONDS = flags.DEFINE_float("seconds", 10.0, "Length of the speech: the bundled sentence, again and again.")
STEPS = flags.DEFINE_integer("steps", 50, "Diffusion steps offline; streams take their own.")
STREAMS = flags.DEFINE_multi_integer("streams", [1, 2], "Numbers of streams at once.")
REPEATS = flags.DEFINE_integer("repeats", 3, "Timed calls of each way offline; the median counts.")
TORCH = flags.DEFINE_bool("torch", True, "Beside PyTorch, which must be installed.")
STARTS = flags.DEFINE_bool("starts", True, "Time to the first frame too.")
OUT = flags.DEFINE_string("out", None, "Markdown file to write.")

OFFLINE = (
    "work", "JAX, first call, s", "JAX, s", "frames/s", "torch, s", "torch / JAX", "torch.compile, first call, s",
    "torch.compile, s", "torch.compile / JAX",
)  # fmt: skip
ONLINE = (
    "streams", "frames/s, all sound at once", "frames/s, live", "first frame late, ms",
    "late, ms: p50", "p95", "p99", "between frames, ms: p50", "p95", "p99",
)  # fmt: skip
AGREEMENT = 3.0  # levels of 255, mean: the mark and bfloat16 are in them
SAME = 1e-4  # of float32 networks' images, in shares of the largest number


def main(_: list[str]) -> None:
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # a GPU is shared with PyTorch
    if DEVICE.value:
        os.environ["JAX_PLATFORMS"] = DEVICE.value.replace("gpu", "cuda")
    from benchmarks.sizes import checkpoint_of
    from vasa_jax.compile_cache import enable_compile_cache
    from vasa_jax.inference.animator import Animator

    enable_compile_cache()
    checkpoint = checkpoint_of(SIZE.value, CHECKPOINT.value)
    animator = Animator(checkpoint, dtype=DTYPE.value)
    portrait, sound = example_inputs(animator, SECONDS.value)
    with tempfile.TemporaryDirectory() as folder:
        tables = [offline(animator, portrait, sound, Path(folder))]
        if animator.can_stream:
            tables.append(online(animator, portrait, sound))
        if STARTS.value:
            tables.append(starts(checkpoint, Path(folder)))
    tables.append(f"Peak memory: {memory()}.\n")
    text = "\n".join([heading(animator), *tables])
    print(text)
    if OUT.value:
        Path(OUT.value).write_text(text)


def example_inputs(animator: Any, seconds: float) -> tuple[Any, Any]:
    """The bundled portrait, framed, and so many seconds of the bundled sentence at 16 kHz."""
    import numpy as np

    from vasa_jax import pretrained
    from vasa_jax.inference.crop import crop_face
    from vasa_jax.inference.portrait import MIN_SIDE, read_portrait
    from vasa_jax.inference.speech_file import read_speech

    square = crop_face(read_portrait(pretrained.portrait()), max(animator.image_size, MIN_SIDE))
    samples, rate = read_speech(pretrained.speech())
    return square, np.resize(samples, round(seconds * rate))


def offline(animator: Any, portrait: Any, sound: Any, folder: Path) -> str:
    """The table of decoding, motion and both, and what a frame costs."""
    from benchmarks import timing
    from benchmarks.speaking import Speaking
    from vasa_jax.inference.controls import Controls
    from vasa_jax.inference.sound import Sound
    from vasa_jax.types import SAMPLE_RATE

    speech, controls = Sound.of(sound, SAMPLE_RATE), Controls(steps=STEPS.value)
    speaking = Speaking(animator, portrait, speech, controls, folder, TORCH.value)
    agreement = check_agreement(speaking, animator.dtype) if TORCH.value else ""
    rows, fastest = [], 0.0
    for work in speaking.works():
        rows.append(offline_row(work, REPEATS.value, TORCH.value))
        fastest = fastest or float(rows[-1][3])
        print(" | ".join(rows[-1]), flush=True)
    peak, cost = timing.matrix_product_peak(animator.dtype, REPEATS.value), speaking.operations()
    told = [f"{cost / 1e9:.3g} GFLOP a decoded frame, {cost * fastest / peak:.0%} of the {peak / 1e9:.0f} GFLOP/s"]
    told.append(f"of a matrix product in the same run{agreement}")
    return timing.table(OFFLINE, rows) + f"\n{' '.join(told)}.\n"


def check_agreement(speaking: Any, dtype: str) -> str:
    """How far the two are apart, in words; ends the process where they are not the same network."""
    levels, share = speaking.difference(), speaking.relative_difference()
    if levels > AGREEMENT or (dtype == "float32" and share > SAME):
        sys.exit(f"frames of the two differ by {levels:.1f} levels, images by {share:.1e}: not the same network")
    return f"; frames, one of them marked, differ by {levels:.1f} levels, images by {share:.1e} of their largest number"


def offline_row(work: Any, repeats: int, beside: bool) -> list[str]:
    """Times of one work; of torch.compile only where it runs at all."""
    from benchmarks.timing import figure, interleave, interleave_if_it_runs

    ways = {"jax": work.jax, "torch": work.torch, "compiled": work.compiled}
    if not beside:
        timings, missing = interleave({"jax": work.jax}, repeats), ""
    else:
        timings, missing = interleave_if_it_runs(ways, "compiled", repeats)
    ours = timings["jax"]
    cells = [work.name, figure(ours.first), figure(ours.later), figure(work.frames / ours.later)]
    if not beside:
        return [*cells, *[""] * 5]
    eager, compiled = timings["torch"], timings.get("compiled")
    cells += [figure(eager.later), figure(eager.later / ours.later)]
    if compiled is None:
        return [*cells, f"not available ({missing})", "", ""]
    return [*cells, *map(figure, (compiled.first, compiled.later, compiled.later / ours.later))]


def online(animator: Any, portrait: Any, sound: Any) -> str:
    """The table of streams."""
    from benchmarks import timing

    rows = [online_row(animator, portrait, sound, count) for count in STREAMS.value]
    stream = animator.stream(portrait, crop=False)
    told = f"A frame needs the sound of {1e3 * stream.delay:.0f} ms from its beginning on; it is late from then on."
    return timing.table(ONLINE, rows) + f"\n{told}\n"


def online_row(animator: Any, portrait: Any, sound: Any, count: int) -> list[str]:
    from benchmarks import streams
    from benchmarks.timing import figure

    fast, live = (way(animator, portrait, sound, count) for way in (streams.at_once, streams.live))
    late, between = streams.percentiles(live.late), streams.percentiles(live.between)
    first = 1e3 * max(live.first)
    rates = [run.frames / run.seconds for run in (fast, live)]
    return [str(count), *map(figure, (*rates, first, *late, *between))]


def starts(checkpoint: Any, folder: Path) -> str:
    """The table of first frames."""
    from benchmarks import timing
    from benchmarks.starts import first_frames
    from vasa_jax import checkpoint as checkpoints

    checkpoints.save(folder / "checkpoint", checkpoint)
    found = first_frames(folder / "checkpoint", DTYPE.value, folder)
    cells = [timing.figure(seconds) for seconds in found.values()]
    return timing.table(("first import to first frame", *found), [["seconds", *cells]])


def memory() -> str:
    """Of this process, and of the device where it tells."""
    import jax

    own = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB of the process"
    told = jax.devices()[0].memory_stats() or {}
    return own + (f", {told['peak_bytes_in_use'] / 2**30:.2f} GiB of the device" if "peak_bytes_in_use" in told else "")


def heading(animator: Any) -> str:
    """What was timed, on what, when."""
    from datetime import UTC, datetime
    from importlib.metadata import version

    import jax

    command = "python -m benchmarks.inference " + " ".join(sys.argv[1:])
    beside = f", torch {version('torch')}" if TORCH.value else ""
    return (
        f"{animator.checkpoint.config['name']}, {animator.image_size} pixels, {animator.dtype}; "
        f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores; jax {jax.__version__}{beside}; "
        f"{SECONDS.value:g} s of speech; {datetime.now(UTC):%d %B %Y}\n\n    {command}\n"
    )


if __name__ == "__main__":
    app.run(main)
