"""A table of jobs: each is one video or one line, and none stops another."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import av
import pytest

from vasa_jax.errors import UserError
from vasa_jax.inference import batch
from vasa_jax.inference.batch import read_jobs, work
from vasa_jax.inference.command import main
from vasa_jax.inference.flags import parse
from vasa_jax.provenance.manifest import read_statement

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def table(tmp_path):
    """Writes lines to a CSV file."""

    def write(*lines, name="jobs.csv"):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write


@pytest.fixture
def infer(checkpoint_folder, portrait_file, speech_file, tmp_path, monkeypatch, capsys):
    """Runs the command in a folder with portrait.png, speech.wav and an empty out: status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()

    def run(*flags):
        try:
            status = main(["--checkpoint", str(checkpoint_folder), "--no_crop", "--steps", "2", *map(str, flags)])
        except SystemExit as stop:
            status = stop.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def frames(path):
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.slow
def test_good_and_bad_jobs(infer, table, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no sound at all")
    jobs = table(
        "output, source, audio, seed, gaze, emotion, fast, consent",
        "out/a.mp4, portrait.png, speech.wav, , , , , ",
        "out/b.mp4, portrait.png, speech.wav, 7, \"-20,5\", happy:0.5, no, the painter",
        "out/c.mp4, portrait.png, broken.wav, , , , , ",
        "out/d.mp4, nobody.png, speech.wav, , , , , ",
        "out/e.mp4, portrait.png, speech.wav, , , , yes, ",
        "out/f.mp4, portrait.png, speech.wav, 7, , bored, , ",
        "out/g.mp4, portrait.png, speech.wav, seven, , , , ",
        "out/a.mp4, portrait.png, speech.wav, 8, , , , ",
        "out/none/h.mp4, portrait.png, speech.wav, , , , , ",
        ", portrait.png, speech.wav, , , , , ",
        "out/i.mp4, portrait.png",
        "out/j.mp4, , , , , , maybe, ",
        "out/k.mp4, , speech.wav, 3, , , , ",
    )  # fmt: skip
    status, out, err = infer("--batch", jobs, "--source", "portrait.png")
    assert status == 2 and {path.name for path in (tmp_path / "out").iterdir()} == {"a.mp4", "b.mp4", "k.mp4"}
    assert [re.sub(r"\d+\.\d", "T", line) for line in out.splitlines()] == [
        f"out/{name}.mp4: 26 frames in T s" for name in "abk"
    ]
    failed = [line.removeprefix("infer.py: error: jobs.csv line ") for line in err.splitlines()]
    assert failed[:-1] == [
        "4: no audio that can be read in: broken.wav",
        "5: no such portrait file: nobody.png",
        "6: --steps does not go with --fast, which has its own",
        "7: no emotion is called 'bored'; there are neutral, happy, sad, angry, surprised, afraid, disgusted",
        "8: argument --seed: invalid int value: 'seven'",
        "9: its output is that of jobs.csv line 2: out/a.mp4",
        "10: the output cannot be written (No such file or directory): out/none/h.mp4",
        "11: the row names no output",
        "12: the row has more or fewer cells than there are columns",
        "13: fast is yes or no, not 'maybe'",
    ]
    assert re.fullmatch(r"infer.py: error: 3 of 13 videos were made in \d+\.\d s; 10 failed", err.splitlines()[-1])
    assert (frames("out/a.mp4")[9] != frames("out/b.mp4")[9]).any()
    assert read_statement("out/b.mp4").run["consent"] == "the painter"
    assert read_statement("out/a.mp4").run["consent"] == "not stated"


@pytest.mark.slow
def test_a_job_is_the_command_of_its_own(infer, table, compiled):
    alone = ("--source", "portrait.png", "--audio", "speech.wav", "--seed", "5", "--gaze", "-10,5", "-o", "alone.mp4")
    assert infer(*alone)[0] == 0
    jobs = table("output,seed,gaze", 'one.mp4,5,"-10,5"', "two.mp4,,", "three.mp4,6,")
    compiled.clear()
    status, out, err = infer("--batch", jobs, "--source", "portrait.png", "--audio", "speech.wav", "--seed", "5")
    assert status == 0 and "error" not in err
    assert re.search(r"3 of 3 videos were made in \d+\.\d s\n\Z", out)
    shown = {name: frames(f"{name}.mp4")[20] for name in ("alone", "one", "two", "three")}
    assert (shown["one"] == shown["alone"]).all()
    assert (shown["two"] != shown["one"]).any() and (shown["three"] != shown["two"]).any()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["output,mouth", "a.mp4,1"], "no column is called 'mouth'; there are output, source, audio, consent, seed"),
        (["source,seed", "a.png,1"], "the table of jobs has no column 'output': "),
        (["output"], "the table of jobs has no rows: "),
        ([], "the table of jobs has no column 'output': "),
    ],
)
def test_tables_that_are_refused(infer, table, lines, message):
    status, out, err = infer("--batch", table(*lines))
    assert status == 2 and out == "" and err.count("\n") == 1
    assert err.startswith(f"infer.py: error: {message}")


def test_files_that_are_no_tables(infer, tmp_path):
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00output")
    for name in ("none.csv", "binary.csv", "out"):
        assert infer("--batch", name) == (2, "", f"infer.py: error: the table of jobs cannot be read: {name}\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--output", "a.mp4"], "--output does not go with --batch, whose table names one for each video"),
        (["--driving", "a.mp4"], "--batch does not go with --driving"),
        (["--turn", "1,2,3"], "--batch does not go with --turn"),
        (["--pose", "relative"], "--pose relative needs --driving or --pose_from"),
    ],
)
def test_flags_that_do_not_go_with_a_batch(flags, message, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(["--batch", "jobs.csv", *flags])
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"infer.py: error: {message} (--help lists the flags)\n"


class StandIn:
    """In place of an animator: takes its time."""

    def __init__(self, together):
        self.together, self.done = together, []


@pytest.fixture
def instead(monkeypatch, table, tmp_path, portrait_file, speech_file):
    """Eight jobs, and `carry_out` replaced."""

    def prepare(carry_out):
        monkeypatch.setattr(batch, "carry_out", carry_out)
        shared = ["--batch", str(table("output", *(f"{tmp_path}/{k}.mp4" for k in range(8))))]
        return read_jobs(parse([*shared, "--source", str(portrait_file), "--audio", str(speech_file)]))

    return prepare


def test_devices_work_side_by_side(instead, capsys):
    """Two jobs meet at a barrier, which one worker alone would never pass."""
    together = threading.Barrier(2, timeout=20)

    def carry_out(order, animator, progress):
        together.wait()
        animator.done.append(order.target.name)
        return 1, {}

    animators = [StandIn(together), StandIn(together)]
    assert work(instead(carry_out), animators, print) == 0
    names = sorted(name for animator in animators for name in animator.done)
    assert names == [f"{k}.mp4" for k in range(8)] and all(len(a.done) == 4 for a in animators)


@pytest.mark.slow
def test_two_devices_make_what_one_makes(table, portrait_file, speech_file, checkpoint_folder, cache_home, tmp_path):
    """CPU devices of processes of their own; a frame may differ by rounding."""
    code = "import sys; from vasa_jax.inference.command import main; raise SystemExit(main(sys.argv[1:]))"
    fixed = ["--source", portrait_file, "--audio", speech_file, "--checkpoint", checkpoint_folder, "--steps", "2"]
    for devices in (1, 2):
        (tmp_path / str(devices)).mkdir()
        jobs = table("output,seed", *(f"{tmp_path}/{devices}/{seed}.mp4,{seed}" for seed in range(4)))
        words = [sys.executable, "-c", code, "--batch", jobs, "--no_crop", *fixed]
        flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "PYTHONPATH": str(ROOT)}
        told = subprocess.check_output([*map(str, words)], env={**os.environ, **flags}, text=True)
        assert "4 of 4 videos were made" in told
    for seed in range(4):
        pairs = zip(*(frames(tmp_path / devices / f"{seed}.mp4") for devices in ("1", "2")), strict=True)
        assert max(abs(ours.astype(int) - theirs).mean() for ours, theirs in pairs) < 0.5


def test_a_mistake_of_ours_is_one_line_too(instead, capsys):
    def carry_out(order, animator, progress):
        if order.target.stem in "25":
            raise ValueError("shapes\nof two lines")
        return 1, {}

    said = []
    assert work(instead(carry_out), [None], said.append) == 2
    assert said == [f"error: jobs.csv line {k}: ValueError: shapes" for k in (4, 7)]


def test_an_interruption_ends_every_job(instead, monkeypatch, capsys):
    began, interrupted = threading.Event(), threading.Event()

    def carry_out(order, animator, progress):
        began.set()
        interrupted.wait(20)
        while True:
            progress("decode", 1, 2)

    def interrupting(thread):
        assert began.wait(20)
        threading.Timer(0.1, interrupted.set).start()
        raise KeyboardInterrupt

    jobs, join = instead(carry_out), threading.Thread.join
    calls = []

    def joined(thread, *args):
        if thread.name == "batch" and not calls:
            calls.append(thread)
            interrupting(thread)
        return join(thread, *args)

    monkeypatch.setattr(threading.Thread, "join", joined)
    with pytest.raises(KeyboardInterrupt):
        work(jobs, [None, None], print)
    assert not [thread for thread in threading.enumerate() if thread.name == "batch"]
    assert capsys.readouterr().out == ""


def test_rows_are_checked_before_anything_is_made(table, portrait_file):
    with pytest.raises(UserError, match="no column"):
        read_jobs(parse(["--batch", str(table("output,sed", "a.mp4,1"))]))
