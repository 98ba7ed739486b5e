"""The loop that all stages share: phases, budget, checkpoints, curves, and weights to take away at the end.

The order of effects in `_Run.phase` matters: a state is saved together with the position of the batches that it has
seen, so a batch is drawn only after the save that follows the step before.
"""

import dataclasses
import signal
import threading
import time
from pathlib import Path
from typing import Any

import jax

from vasa_jax import room_weights
from vasa_jax.training import mesh as meshes
from vasa_jax.training import start, state, step
from vasa_jax.training.budget import Budget
from vasa_jax.training.checkpoint import Checkpoints, Position
from vasa_jax.training.stage import Phase, Stage
from vasa_jax.training.watch import Watch


@dataclasses.dataclass(frozen=True)
class Settings:
    """Of the loop itself.

    Attributes:
      budget: when to stop.
      seed: of the first parameters and of every step.
      fsdp: devices over which each parameter is split.
      log_every, report_every, save_every: in steps.
    """

    budget: Budget
    seed: int = 0
    fsdp: int = 1
    log_every: int = 20
    report_every: int = 500
    save_every: int = 500


def train(stage: Stage, settings: Settings, workdir: str | Path) -> state.TrainState:
    """Runs `stage` to the end of its budget, from the newest checkpoint in `workdir` if there is one.

    Leaves in workdir: checkpoints/, TensorBoard events and pictures, and export/, the newest averaged
    weights. SIGTERM ends it early with everything saved; the same command then goes on.
    """
    run = _Run(stage, settings, Path(workdir))
    try:
        while run.position.phase < len(stage.phases) and not run.stopped.is_set():
            run.phase()
        run.save()
        return run.state
    finally:
        run.close()


class _Run:
    """A training under way: its state, its position, and what it writes to."""

    def __init__(self, stage: Stage, settings: Settings, workdir: Path):
        self.stage, self.settings, self.workdir = stage, settings, workdir
        self.mesh = meshes.make_mesh(settings.fsdp)
        self.key = jax.random.key(settings.seed)
        self.state, self.shardings = state.create(stage.first_state(), self.mesh, self.key)
        self.checkpoints = Checkpoints(workdir / "checkpoints")
        found = self.checkpoints.restore(self.state, self.shardings)
        if found is None and stage.weights is not None:
            self.state = start.carried(self.state, stage.weights, self.shardings)
        self.state, self.position = found or (self.state, Position())
        self.watch = Watch(workdir, self.used, jax.process_index() == 0)
        self.stopped = _stop_on_sigterm()

    @property
    def used(self) -> float:
        return self.settings.budget.used(int(self.state.step), self.position.seconds)

    def phase(self) -> None:
        """From the present position to the end of the phase, or to a stop."""
        phase = self.stage.phases[self.position.phase]
        batches = iter(phase.batches)
        if self.position.data is not None:
            batches.set_state(self.position.data)
        take = step.compile_step(phase, self.mesh, self.shardings)
        count, used, clock, before = int(self.state.step), self.used, None, None
        while used < phase.until and not self.stopped.is_set():
            batch = meshes.place_batch(self.mesh, next(batches))
            self.state, metrics = take(self.state, batch, self.key, phase.progress(used))
            count += 1
            jax.block_until_ready(before)  # never more than one step ahead of the device
            before = metrics
            clock = self._tick(clock, batches)
            used = self.settings.budget.used(count, self.position.seconds)
            self._after_step(phase, count, used, metrics)
        if not self.stopped.is_set():
            self._leave_phase()

    def save(self) -> None:
        """The state, and the averaged weights as they are used."""
        self.checkpoints.save(self.state, self.position)
        room_weights.save_room(self.workdir / "export", self.stage.about, self.state.ema)

    def close(self) -> None:
        self.watch.close()
        self.checkpoints.close()

    def _tick(self, clock: float | None, batches: Any) -> float:
        """Adds the time since the last tick; the first step, which compiles, is not counted."""
        now = time.monotonic()
        seconds = self.position.seconds + (now - clock if clock else 0.0)
        self.position = dataclasses.replace(self.position, seconds=seconds, data=batches.get_state())
        return now

    def _after_step(self, phase: Phase, count: int, used: float, metrics: Any) -> None:
        due = {name: count % every == 0 for name, every in self._periods().items()}
        shown = {name: float(value) for name, value in metrics.items()} if due["log"] else None
        self.watch.step(phase.name, count, used, shown)
        if due["report"]:
            self.watch.report(count, self.stage.report(self.state.ema))
        if due["save"]:
            self.save()

    def _periods(self) -> dict[str, int]:
        settings = self.settings
        return {"log": settings.log_every, "report": settings.report_every, "save": settings.save_every}

    def _leave_phase(self) -> None:
        self.watch.report(int(self.state.step), self.stage.report(self.state.ema))
        self.position = Position(self.position.phase + 1, self.position.seconds)
        if self.position.phase < len(self.stage.phases) and self.stage.phases[self.position.phase].fresh:
            rule = self.stage.phases[self.position.phase].optimiser.transformation()
            renew = jax.jit(lambda old: state.next_phase(old, rule), out_shardings=self.shardings, donate_argnums=0)
            self.state = renew(self.state)


def _stop_on_sigterm() -> threading.Event:
    """An event that SIGTERM sets; elsewhere than in the main thread, one that nobody sets."""
    stopped = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    return stopped
