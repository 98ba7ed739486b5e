"""What a run survives as a process, and what a checkpoint does when its files do not."""

import gc
import random
import shutil
import signal
import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
import surviving
from processes import ROOT, TESTS, finish, start, start_together

from vasa_jax.errors import UserError
from vasa_jax.training import mesh, state
from vasa_jax.training.checkpoint import Checkpoints, Position, TornCheckpoint, newest

SCRIPT = TESTS / "training" / "surviving.py"
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of reads that Orbax drops


def wait_for(condition, process, seconds=200):
    """Polls often, as a save takes a fraction of a second; False if the process ends first."""
    until = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < until
        time.sleep(0.0005)
    return True


def told(path):
    """(step, loss) of each line that was finished."""
    text = path.read_text() if path.exists() else ""
    lines = [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]
    return [(int(step), float(loss)) for step, loss in lines]


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_as_if_it_had_not_been(clip_set, tmp_path):
    """Losses of every attempt, with two phases, a critic, and saves under way, equal those of one run."""
    once, again, programs = (tmp_path / name for name in ("once", "again", "programs"))
    finish(start(SCRIPT, once, clip_set, tmp_path / "expected", programs))
    expected = dict(told(tmp_path / "expected"))
    assert list(expected) == list(range(1, surviving.STEPS + 1)) and len(set(expected.values())) == surviving.STEPS

    chance, found, unfinished = random.Random(), tmp_path / "found", 0

    def saving():
        return any((again / "checkpoints").glob("*tmp*"))

    def a_few_steps_on(count):
        return lambda: len(told(found)) >= count

    for attempt in range(3):
        process = start(SCRIPT, again, clip_set, found, programs)
        steps = a_few_steps_on(len(told(found)) + chance.randint(2, 6))
        reached = wait_for(steps, process) and (attempt % 2 or wait_for(saving, process))
        time.sleep(chance.random() * 0.02)
        process.kill()
        process.communicate()
        unfinished += saving()
        assert reached and process.returncode == -signal.SIGKILL, "it must be killed before its end"
    assert unfinished, "no save was under way"
    finish(start(SCRIPT, again, clip_set, found, programs))
    assert {step for step, _ in told(found)} == set(expected) and len(told(found)) > surviving.STEPS
    assert all(loss == expected[step] for step, loss in told(found))


def speech(clips, workdir):
    """Arguments of train.py for a run of small steps without an end."""
    numbers = {
        "steps": 10**6, "minutes": 0, "batch_size": 2, "data.clips": clips, "data.frames": 12, "model.width": 8,
        "model.fast_dilations": "(1,)", "model.slow_dilations": "(1,)", "loop.save_every": 5,
    }  # fmt: skip
    changed = [f"--config.{name}={value}" for name, value in numbers.items()]
    return [f"--config={ROOT}/configs/speech_tiny.py", f"--workdir={workdir}", *changed]


@pytest.mark.slow
def test_sigterm_ends_the_command_with_everything_saved(clip_set, tmp_path):
    process = start(ROOT / "train.py", *speech(clip_set, tmp_path))
    assert wait_for(lambda: newest(tmp_path / "checkpoints"), process)
    process.terminate()
    finish(process)
    assert newest(tmp_path / "checkpoints") >= 5 and not any((tmp_path / "checkpoints").glob("*tmp*"))
    assert (tmp_path / "export" / "weights.safetensors").exists()


@pytest.mark.slow
def test_two_processes_train_together_and_stop_after_the_same_step(clip_set, tmp_path):
    """SIGTERM reaches one of them."""
    arguments = [*speech(clip_set, tmp_path), "--distributed"]
    processes = start_together(ROOT / "train.py", *arguments)
    assert wait_for(lambda: newest(tmp_path / "checkpoints"), processes[0])
    processes[1].terminate()
    for process in processes:
        finish(process)
    assert newest(tmp_path / "checkpoints") >= 5 and (tmp_path / "export" / "weights.safetensors").exists()
    assert len(list(tmp_path.glob("events*"))) == 1, "one of them writes"


OPTIMISER = optax.adamw(1e-3)


def make_state(width=300):
    """A state with a critic, large enough that its arrays lie in files of their own."""

    def init(key):
        return {"kernel": jax.random.normal(key, (width, 70)), "bias": jnp.ones(3)}

    first = state.first_state(init, OPTIMISER, (init, OPTIMISER))
    return state.create(first, mesh.make_mesh(), jax.random.key(0))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with checkpoints of steps 2 and 4, and what each of them holds."""
    folder, (now, places) = tmp_path_factory.mktemp("saved"), make_state()
    checkpoints, held = Checkpoints(folder), {}
    for step in (2, 4):
        now = now.replace(step=jnp.int32(step), ema=jax.tree.map(lambda x: x + 1, now.ema))
        checkpoints.save(now, Position(1, 0.5, {"next": step}, 7))
        held[step] = jax.device_get(now)
    checkpoints.close()
    return folder, held, now, places


def restore(folder, now, places):
    """What is restored, and the warnings."""
    checkpoints = Checkpoints(folder)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        found, position = checkpoints.restore(now, places)
        gc.collect()
    checkpoints.close()
    return jax.device_get(found), position, [w for w in given if w.category is TornCheckpoint]


HARMS = {
    "removed": lambda file: file.unlink(),
    "cut": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "zeroed": lambda file: file.write_bytes(bytes(file.stat().st_size)),
}


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS)
def test_whatever_file_of_a_checkpoint_is_torn_its_state_is_whole_or_not_taken(saved, tmp_path, harm):
    folder, held, now, places = saved
    files = [file.relative_to(folder) for file in (folder / "4").rglob("*") if file.is_file()]
    torn = set()
    for number, file in enumerate(files):
        copy = tmp_path / str(number)
        shutil.copytree(folder, copy)
        HARMS[harm](copy / file)
        found, position, given = restore(copy, now, places)
        step = 2 if given else 4
        assert position == Position(1, 0.5, {"next": step}, 7), file
        jax.tree.map(np.testing.assert_array_equal, found, held[step])
        if given:
            assert f"{copy / '4'} is torn" in str(given[0].message) and "from step 2" in str(given[0].message)
            assert newest(copy) == 2 and (copy / "torn_4").is_dir()
            torn.add(file.parts[1])
    largest = max(files, key=lambda file: (folder / file).stat().st_size)
    assert torn == {"state", "position"} and largest.parts[1] == "state"


def test_a_checkpoint_without_a_part_is_not_taken(saved, tmp_path):
    folder, held, now, places = saved
    for part in ("state", "position"):
        shutil.copytree(folder, tmp_path / part)
        shutil.rmtree(tmp_path / part / "4" / part)
        found, _, given = restore(tmp_path / part, now, places)
        assert len(given) == 1
        jax.tree.map(np.testing.assert_array_equal, found, held[2])


def test_a_run_never_begins_anew_in_silence(saved, tmp_path):
    folder, _, now, places = saved
    shutil.copytree(folder, tmp_path / "all")
    for step in ("2", "4"):
        (tmp_path / "all" / step / "state" / "manifest.ocdbt").unlink()
    with pytest.raises(UserError, match=r"no checkpoint in .*all can be read \(4: ValueError: NOT_FOUND.*--workdir$"):
        Checkpoints(tmp_path / "all").restore(now, places)
    with pytest.raises(UserError, match="take the config that they were made with"):
        Checkpoints(folder).restore(*make_state(width=301))
    assert newest(folder) == 4, "a checkpoint of another config is not torn"
    assert Checkpoints(tmp_path / "nothing").restore(now, places) is None


def test_a_save_holds_the_training_for_the_copy_alone(tmp_path, monkeypatch):
    """`save` comes back while the writing has not ended; what it copied is not what the memory holds later."""
    finalize, gate = ocp.CheckpointManager._finalize, []

    def late(*args):
        while not gate:
            time.sleep(0.001)
        finalize(*args)

    monkeypatch.setattr(ocp.CheckpointManager, "_finalize", late)
    now, places = make_state()
    wanted = jax.tree.map(np.array, jax.device_get(now))
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(now, Position())
    now = jax.jit(lambda x: jax.tree.map(lambda y: y + 1, x), donate_argnums=0)(now)
    jax.block_until_ready(now)
    gate.append("open")
    checkpoints.close()
    found, _, _ = restore(tmp_path, now, places)
    jax.tree.map(np.testing.assert_array_equal, found, wanted)
