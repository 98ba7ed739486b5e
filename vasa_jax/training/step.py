"""One step of any phase: pure, the same on one CPU, eight GPUs or a pod."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from vasa_jax.training import mesh as meshes
from vasa_jax.training.stage import Phase
from vasa_jax.training.state import TrainState

Step = Callable[[TrainState, Any, jax.Array, float], tuple[TrainState, dict[str, jax.Array]]]


def make_step(phase: Phase) -> Step:
    """(state, batch, key, progress) -> (state, metrics).

    The key is that of the whole training: each step derives its own from it and its number, so that a resumed run draws
    the same. `progress` is the used share of the phase's budget, which the learning rate follows.
    """
    optimiser, rule = phase.optimiser, phase.optimiser.transformation()

    def step(state: TrainState, batch: Any, key: jax.Array, progress: jax.Array):
        key = jax.random.fold_in(key, state.step)
        gradient, metrics = jax.grad(phase.loss, has_aux=True)(state.params, batch, key)
        direction, opt_state = rule.update(gradient, state.opt_state, state.params)
        rate = optimiser.rate(state.phase_step, progress)
        params = jax.tree.map(lambda p, d: p - rate * d, state.params, direction)
        decay = optimiser.decay(state.phase_step)
        ema = jax.tree.map(lambda e, p: e + (1 - decay) * (p - e), state.ema, params)
        metrics = metrics | {"gradient_norm": optax.global_norm(gradient), "learning_rate": rate}
        return TrainState(state.step + 1, state.phase_step + 1, params, ema, opt_state), metrics

    return step


def compile_step(phase: Phase, mesh: Mesh, shardings: TrainState) -> Step:
    """`make_step` jitted over the mesh: the state stays where it is and gives its memory; metrics are everywhere."""
    everywhere = meshes.replicated(mesh)
    jitted = jax.jit(
        make_step(phase),
        in_shardings=(shardings, meshes.batch_sharding(mesh), everywhere, everywhere),
        out_shardings=(shardings, everywhere),
        donate_argnums=0,
    )
    return lambda state, batch, key, progress: jitted(state, batch, key, jnp.float32(progress))
