"""One step of any phase: pure, the same on one CPU, eight GPUs or a pod. A critic, where there is one, learns in the
same step from the same images."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.sharding import Mesh

from vasa_jax.training import joined
from vasa_jax.training import mesh as meshes
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.stage import Company, Metrics, Phase
from vasa_jax.training.state import Learner, TrainState


def as_it_lies(params: Any) -> Any:
    return params


def make_step(
    phase: Phase, whole: Callable[[Any], Any] = as_it_lies
) -> Callable[[TrainState, Any, Array, Array, Any], tuple[TrainState, Metrics]]:
    """(state, batch, key, progress, judges) -> (state, metrics).

    The key is that of the whole training: each step derives its own from it and its number, so that a resumed run draws
    the same. `progress` is the used share of the learning rate's span. The judges' weights are an argument, not
    constants of the program.

    Args:
      whole: brings the parameters of networks, or their gradients, to every device.
    """

    def step(state: TrainState, batch: Any, key: Array, progress: Array, judges: Any):
        key = jax.random.fold_in(key, state.step)
        critic = whole(state.critic.params) if phase.critic_optimiser else None
        params = whole(state.params)
        (gradient, critic_gradient), metrics = gradients(phase, params, critic, batch, key, judges, whole)
        rate, decay = phase.optimiser.rate(state.phase_step, progress), phase.optimiser.decay(state.phase_step)
        learner, norm = update(phase.optimiser, Learner(state.params, state.opt_state), gradient, rate)
        ema = average(state.ema, learner.params, decay)
        metrics = metrics | {"gradient_norm": norm, "learning_rate": rate}
        beside = state.critic
        if phase.critic_optimiser:
            critic_rate = phase.critic_optimiser.rate(state.phase_step, progress)
            beside, norm = update(phase.critic_optimiser, state.critic, critic_gradient, critic_rate)
            metrics["critic_gradient_norm"] = norm
        taken = TrainState(state.step + 1, state.phase_step + 1, learner.params, ema, learner.opt_state, beside)
        return taken, metrics

    return step


def update(optimiser: Optimiser, learner: Learner, gradient: Any, rate: Array) -> tuple[Learner, Array]:
    """One step of the optimiser, and the norm of the whole gradient."""
    tree = learner.params
    params, gradient = joined.join(tree), joined.join(gradient)
    before = joined.within(joined.join, learner.opt_state, tree)
    direction, after = optimiser.transformation().update(gradient, before, params)
    moved = joined.split(jax.tree.map(lambda p, d: p - rate * d, params, direction), tree)
    opt_state = joined.within(lambda moments: joined.split(moments, tree), after, params)
    return Learner(moved, opt_state), optax.global_norm(gradient)


def average(ema: Any, params: Any, decay: Array) -> Any:
    """The running average one step on."""
    after = jax.tree.map(lambda e, p: e + (1 - decay) * (p - e), joined.join(ema), joined.join(params))
    return joined.split(after, params)


def gradients(
    phase: Phase,
    params: Any,
    critic: Any,
    batch: Any,
    key: Array,
    judges: Any,
    whole: Callable[[Any], Any] = as_it_lies,
) -> tuple[tuple[Any, Any], Metrics]:
    """Gradients of the phase's loss by the parameters and by the critic's, and its metrics; means over the parts of the
    batch, which follow each other where `phase.accumulate` asks for several; `whole` as in `make_step`."""

    def part(batch: Any, key: Array) -> tuple[tuple[Any, Any], Metrics]:
        def loss(params: Any, critic: Any) -> tuple[Array, Metrics]:
            return phase.loss(params, batch, key, Company(critic, judges))

        gradient, metrics = jax.grad(loss, argnums=(0, 1), has_aux=True)(params, critic)
        return whole(gradient), metrics

    if phase.accumulate == 1:
        return part(batch, key)
    parts = jax.tree.map(lambda x: _in_parts(x, phase.accumulate), batch)
    keys = jax.random.split(key, phase.accumulate)
    empty = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(part, *_first((parts, keys))))

    def add(total: Any, given: Any) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, part(*given)), None

    total, _ = jax.lax.scan(add, empty, (parts, keys))
    return jax.tree.map(lambda x: x / phase.accumulate, total)


def _in_parts(x: Array, parts: int) -> Array:
    """(B, ...) -> (parts, B / parts, ...): every parts-th element, so that no element leaves its device."""
    return x.reshape(-1, parts, *x.shape[1:]).swapaxes(0, 1)


def _first(tree: Any) -> Any:
    return jax.tree.map(lambda x: x[0], tree)


def jit_step(phase: Phase, mesh: Mesh, shardings: TrainState) -> jax.stages.Wrapped:
    """`make_step` jitted over the mesh: the state stays where it is and gives its memory; metrics are everywhere.

    Split parameters are gathered before the networks run, and gradients summed before they are split. Left to itself,
    XLA splits the kernels' gradients by channel instead, and gathers the batch for it: several times the memory.
    """
    everywhere = meshes.replicated(mesh)

    def whole(params: Any) -> Any:
        return jax.lax.with_sharding_constraint(params, everywhere)

    return jax.jit(
        make_step(phase, whole),
        in_shardings=(shardings, meshes.batch_sharding(mesh), everywhere, everywhere, everywhere),
        out_shardings=(shardings, everywhere),
        donate_argnums=0,
    )


class CompiledStep:
    """(state, batch, key, progress) -> (state, metrics): one program, compiled at the first batch, with the phase's
    judges placed on the mesh once.

    Attributes:
      program: the compiled step, which can tell its cost; None before the first batch.
    """

    def __init__(self, phase: Phase, mesh: Mesh, shardings: TrainState):
        self._jitted = jit_step(phase, mesh, shardings)
        self._judges = jax.device_put(phase.judges, meshes.replicated(mesh))
        self.program: jax.stages.Compiled | None = None

    def __call__(self, state: TrainState, batch: Any, key: Array, progress: float) -> tuple[TrainState, Metrics]:
        given = state, batch, key, jnp.float32(progress), self._judges
        if self.program is None:
            self.program = self._jitted.lower(*given).compile()
        return self.program(*given)
