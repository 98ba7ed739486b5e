"""What the input pipeline gives, and what training asks of it: `python -m benchmarks.data --out data.md`.

Clips are made from the bundled portrait, shifted and with the grain of a camera, so that their JPEG frames are as hard
to decode as true ones; or --clips names a set. Costs are processor time, so that a busy machine changes little; images
a second and core follow from them.

What a host with 8 accelerators asks for is an assumption, since the step of `configs/face_paper.py` has not been timed
on one: operations of a step by hand, over what the accelerators reach. See `data_load.operations`; --step_seconds
takes a measured time instead.
"""

import tempfile
from pathlib import Path

from absl import app, flags

CLIPS = flags.DEFINE_string("clips", None, "A clip set; made for the purpose if not given.")
SIZE = flags.DEFINE_integer("size", 512, "Pixels a side of the clips that are made.")
FRAMES = flags.DEFINE_integer("frames", 50, "Frames of each.")
COUNT = flags.DEFINE_integer("count", 8, "How many are made.")
BATCHES = flags.DEFINE_integer("batches", 4, "Timed batches of each kind.")
THREADS = flags.DEFINE_integer("threads", 1, "Threads that read.")
PEAK = flags.DEFINE_float("peak", 989.0, "TFLOP/s of an accelerator in bfloat16; 989 of an H100.")
REACHED = flags.DEFINE_float("reached", 0.5, "Share of the peak that a step reaches: high, so that data has it hard.")
STEP_SECONDS = flags.DEFINE_float("step_seconds", 0.0, "A measured step at 512 pixels; 0 to estimate it.")
OUT = flags.DEFINE_string("out", None, "Markdown file to write.")

ACCELERATORS = 8


def main(_: list[str]) -> None:
    from benchmarks.data_load import PAIRS, PEOPLE, make_set, measure, operations
    from benchmarks.timing import figure, table

    with tempfile.TemporaryDirectory() as folder:
        given = Path(CLIPS.value) if CLIPS.value else make_set(Path(folder), SIZE.value, FRAMES.value, COUNT.value)
        rows, costs, megabytes = measure(given, BATCHES.value, THREADS.value)
    step = STEP_SECONDS.value or operations() * PEOPLE / (PEAK.value * REACHED.value * ACCELERATORS)
    asked = PEOPLE / step
    told = "as measured" if STEP_SECONDS.value else f"if {REACHED.value:.0%} of {PEAK.value:g} TFLOP/s each are reached"
    cores, gigabytes = figure(2 * asked * costs[PAIRS]), figure(asked * megabytes / 1e3)
    lines = [
        f"face_paper at 512 pixels on {ACCELERATORS} accelerators: {PEOPLE} people in {step:.3g} s, {told}.",
        f"It asks for {figure(2 * asked)} images a second: {cores} cores like this machine's.",
        f"A pair is read with its whole clip, {figure(megabytes)} MB here: {gigabytes} GB/s from disk or memory.",
        "Shorter clips (prepare --longest) ask for less, and data.drivers=4 for two fifths an image.",
    ]
    text = table(("data", "images a person", "ms of a core an image", "images a second and core", "by the clock"), rows)
    text += "\n" + "\n".join(lines) + "\n"
    print(text, end="")
    if OUT.value:
        Path(OUT.value).write_text(text)


if __name__ == "__main__":
    app.run(main)
