"""The loop that all stages share: phases, budget, checkpoints, curves, and weights to take away at the end.

The order of effects in `_Run.phase` matters: a state is saved together with the position of the batches that it has
seen, so a batch is drawn only after the save that follows the step before; and nothing of a step is kept before its
numbers have been looked at.
"""

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import Any

import jax

from vasa_jax import room_weights
from vasa_jax.errors import UserError
from vasa_jax.training import mesh as meshes
from vasa_jax.training import speed, start, state, step
from vasa_jax.training.budget import Budget
from vasa_jax.training.checkpoint import Checkpoints, Position
from vasa_jax.training.exports import Exports
from vasa_jax.training.health import Health, told_when_full
from vasa_jax.training.stage import Phase, Stage
from vasa_jax.training.stopping import Stopping
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
    """Runs `stage` to the end of its budget, from the newest whole checkpoint in `workdir` if there is one.

    Leaves in workdir: checkpoints/, TensorBoard events and pictures, and export/, the newest averaged
    weights. SIGTERM ends it early with everything saved; the same command then goes on.

    Raises:
      UserError: a loss is not finite, the disk is full, or workdir holds another run.
    """
    workdir = Path(workdir)
    with told_when_full(workdir), contextlib.ExitStack() as closing:
        run = _Run(stage, settings, workdir, closing)
        while run.position.phase < len(stage.phases) and not run.stopping.asked:
            run.phase()
        run.save()
        return run.state


class _Run:
    """A training under way: its state, its position, and what it writes to, all closed by `closing`."""

    def __init__(self, stage: Stage, settings: Settings, workdir: Path, closing: contextlib.ExitStack):
        if settings.budget.minutes and jax.process_count() > 1:
            raise UserError("config.minutes is the clock of one process: set config.steps for several")
        self.stage, self.settings, self.workdir = stage, settings, workdir
        self.stopping = Stopping()
        closing.callback(self.stopping.close)
        self.mesh = meshes.make_mesh(settings.fsdp)
        self.key = jax.random.key(settings.seed)
        self.checkpoints, self.exports = Checkpoints(workdir / "checkpoints"), Exports(workdir / "export")
        closing.callback(self.checkpoints.close)
        closing.callback(self.exports.close)
        self._begin()
        self.health = Health(workdir, self.checkpoints.wait)
        self.watch = Watch(workdir, self.used, jax.process_index() == 0)
        closing.callback(self.watch.close)

    @property
    def used(self) -> float:
        return self.settings.budget.used(int(self.state.step), self.position.seconds)

    def phase(self) -> None:
        """From the present position to the end of the phase, or to a stop."""
        phase = self.stage.phases[self.position.phase]
        batches = iter(phase.batches)
        if self.position.data is not None:
            batches.set_state(self.position.data)
        take = step.CompiledStep(phase, self.mesh, self.shardings)
        count, used, clock = int(self.state.step), self.used, None
        while used < phase.until and not self.stopping.after(count):
            batch = dict(next(batches))
            clips = batch.pop("clip", None)
            batch = meshes.place_batch(self.mesh, batch)
            self.state, metrics = take(self.state, batch, self.key, phase.progress(used))
            if clock is None:
                self.watch.begin(speed.cost_of(take.program, batch, self.mesh.devices.flat[0], phase.accumulate))
            count += 1
            self.health.check()  # of the step before: never more than one step ahead of the device
            self.health.watch(count, metrics, clips)
            clock = self._tick(clock, batches)
            used = self.settings.budget.used(count, self.position.seconds)
            self._after_step(phase, count, used, metrics)
        if not self.stopping.asked:
            self._leave_phase()

    def save(self) -> None:
        """The state, and the averaged weights as they are used."""
        self.health.check()
        self.checkpoints.save(self.state, self.position)
        self.exports.save(self.stage.about, self.state.ema)

    def _begin(self) -> None:
        """The state and the position to go on from."""
        first = Position(seed=self.settings.seed)
        self.state, self.shardings = state.create(self.stage.first_state(), self.mesh, self.key)
        found = self.checkpoints.restore(self.state, self.shardings)
        if found is None and self.stage.weights is not None:
            self.state = start.carried(self.state, self.stage.weights(), self.shardings)
        self.state, self.position = found or (self.state, first)
        if self.position.seed not in (self.settings.seed, None):
            begun = self.position.seed
            raise UserError(f"{self.workdir} began with config.seed={begun}: set it again, or take another --workdir")

    def _tick(self, clock: float | None, batches: Any) -> float:
        """Adds the time since the last tick; the first step, which compiles, is not counted."""
        now = time.monotonic()
        seconds = self.position.seconds + (now - clock if clock else 0.0)
        self.position = dataclasses.replace(self.position, seconds=seconds, data=batches.get_state())
        return now

    def _after_step(self, phase: Phase, count: int, used: float, metrics: Any) -> None:
        due = {name: count % every == 0 for name, every in self._periods().items()}
        if any(due.values()):
            self.health.check()
        shown = {name: float(value) for name, value in metrics.items()} if due["log"] else None
        self.watch.step(phase.name, count, used, shown)
        if due["report"]:
            self._report(count)
        if due["save"]:
            self.save()

    def _periods(self) -> dict[str, int]:
        settings = self.settings
        return {"log": settings.log_every, "report": settings.report_every, "save": settings.save_every}

    def _report(self, count: int) -> None:
        """Each of several hosts looks for itself, and the first one shows it: none waits for another."""
        several = jax.process_count() > 1
        weights = jax.tree.map(room_weights.whole, self.state.ema) if several else self.state.ema
        self.watch.report(count, self.stage.report(weights))

    def _leave_phase(self) -> None:
        self.health.check()
        self._report(int(self.state.step))
        self.position = dataclasses.replace(self.position, phase=self.position.phase + 1, data=None)
        if self.position.phase < len(self.stage.phases) and self.stage.phases[self.position.phase].fresh:
            rule = self.stage.phases[self.position.phase].optimiser.transformation()
            renew = jax.jit(lambda old: state.next_phase(old, rule), out_shardings=self.shardings, donate_argnums=0)
            self.state = renew(self.state)
