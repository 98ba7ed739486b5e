"""A step of stage 1 compiled for a TPU pod that is not here: whether it fits, and what it costs.

    python train.py --config=configs/face_paper.py --aot_topology=v5e:16x16 --aot_batch_per_chip=1

`pip install libtpu` brings the TPU's compiler, which runs on the CPU of any Linux machine. Neither data nor the judges'
files are needed. With --aot_plan the compiler is stopped before it generates code, which is nine tenths of its time and
of which a bill tells the size alone.
"""

import dataclasses
import functools
import importlib.util
import math
import os
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import topologies
from jax.sharding import Mesh
from ml_collections import ConfigDict

from vasa_jax.data import clips
from vasa_jax.errors import UserError
from vasa_jax.training import face_stage, judge_layouts, planned, step
from vasa_jax.training import mesh as meshes
from vasa_jax.training.bill import Bill
from vasa_jax.training.chips import CHIPS, Chip, chip_of
from vasa_jax.training.collectives import traffic
from vasa_jax.training.stage import Phase, Stage
from vasa_jax.training.state import TrainState

# Machines whose compiler is not here: the chip, and the pod of TPUs that is compiled for in its place.
STAND_INS = {"h100:8": ("H100", "v5p:2x2x2")}
ENVIRONMENT = {
    "TPU_SKIP_MDS_QUERY": "1",  # there is no TPU host to be asked
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # no chip that two processes could both want
    "TPU_STDERR_LOG_LEVEL": "3",
}


def face_bill(
    config: ConfigDict, topology: str, part: int | None = None, per_chip: int | None = None, code: bool = True
) -> Bill:
    """What the step of a part of stage 1 takes of a pod, with all judges, from its compiled program.

    Args:
      config: of the stage "face".
      topology: such as "v5e:16x16", or one of STAND_INS.
      part: its number in `face_stage.parts`; the last if None.
      per_chip: people in a step for each chip, in place of the config's batch size.
      code: to the end; False stops the compiler before it generates code.

    Raises:
      UserError: no such stage, pod or part, no compiler, or the step does not fit.
    """
    if config.stage != "face":
        raise UserError(f"--aot_topology is for the stage face; config.stage is {config.stage!r}")
    chip, devices = pod(topology)
    mesh = meshes.make_mesh(config.loop.fsdp, devices)
    phase, state, batch = whole_step(config, part, per_chip, len(devices))
    try:
        if code:
            program = lower(phase, mesh, state, batch).compile()
        else:
            program = planned.plan(functools.partial(lowered, config, topology, part, per_chip))
    except jax.errors.JaxRuntimeError as error:
        raise UserError(f"the step does not fit {topology}: {' '.join(str(error).split()):.300}") from None
    people = batch["source"].shape[0] // len(devices)
    bill = read(program, chip, len(devices), people, kept(mesh, phase, state, batch), config.accumulate)
    return dataclasses.replace(bill, stand_in=STAND_INS[topology][1]) if topology in STAND_INS else bill


def lowered(config: ConfigDict, topology: str, part: int | None, per_chip: int | None) -> jax.stages.Lowered:
    """The step of a part of stage 1 for a pod, not compiled yet; arguments as for `face_bill`."""
    _, devices = pod(topology)
    mesh = meshes.make_mesh(config.loop.fsdp, devices)
    phase, state, batch = whole_step(config, part, per_chip, len(devices))
    return lower(phase, mesh, state, batch)


def pod(topology: str) -> tuple[Chip, Sequence[jax.Device]]:
    """The chip of a topology, and devices that programs can be compiled for and not be run on.

    Raises:
      UserError: no compiler, no such topology, or a chip whose peaks are not known.
    """
    name, stand_in = STAND_INS.get(topology, (None, topology))
    if importlib.util.find_spec("libtpu") is None:
        raise UserError("--aot_topology needs the TPU's compiler, which runs on a CPU: pip install libtpu")
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    try:
        devices = topologies.get_topology_desc(platform="tpu", topology_name=stand_in).devices
    except (jax.errors.JaxRuntimeError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"no TPU topology {topology!r} ({reason:.200}); such as v5e:16x16 or v5p:8x8x8") from None
    kind = name or devices[0].device_kind
    chip = next((chip for chip in CHIPS if chip.name == name), None) or chip_of(kind)
    if chip is None:
        raise UserError(f"the peaks of {kind} are not known; add it to vasa_jax/training/chips.py")
    return chip, devices


def whole_step(
    config: ConfigDict, number: int | None, per_chip: int | None, chips: int
) -> tuple[Phase, TrainState, dict[str, Any]]:
    """The phase of a part, and the state and batch as shapes."""
    parts = face_stage.parts(config)
    number = len(parts) - 1 if number is None else number
    if not 0 <= number < len(parts):
        raise UserError(f"--aot_part={number}: the config has the parts 0 to {len(parts) - 1}")
    people = parts[number].batch_size if per_chip is None else per_chip * chips
    if people <= 0 or people % (chips * config.accumulate):
        split = f"{chips} chips" + f" in {config.accumulate} parts" * (config.accumulate > 1)
        raise UserError(f"{people} people cannot be split over {split}; set --aot_batch_per_chip")
    judges, scale = judge_layouts.judges(), jnp.ones(clips.EXPRESSION_SIZE)
    phases = tuple(face_stage.whole_phase(config, part, scale, judges) for part in parts)
    init, critic_init = face_stage.init_of(face_stage.model_of(config)), face_stage.critic_init_of(config)
    first = Stage("face", {}, init, phases, critic_init=critic_init).first_state()
    batch = face_stage.example_batch(config, dataclasses.replace(parts[number], batch_size=people))
    return phases[number], jax.eval_shape(first, _key()), batch


def lower(phase: Phase, mesh: Mesh, state: TrainState, batch: dict[str, Any]) -> jax.stages.Lowered:
    """The step as the loop jits it, for shapes in place of arrays."""
    progress = jax.ShapeDtypeStruct((), jnp.float32)
    jitted = step.jit_step(phase, mesh, meshes.shardings(mesh, state))
    return jitted.lower(state, batch, _key(), progress, phase.judges)


def kept(mesh: Mesh, phase: Phase, state: TrainState, batch: dict[str, Any]) -> dict[str, float]:
    """Name -> bytes on each chip of what a step is given."""
    trees = {
        "parameters": state.params,
        "their average": state.ema,
        "optimiser state": state.opt_state,
        "critic and its optimiser": state.critic,
    }
    sizes = {name: bytes_on_chip(tree, meshes.shardings(mesh, tree)) for name, tree in trees.items()}
    for name, tree, place in (
        ("judges", phase.judges, meshes.replicated(mesh)),
        ("batch", batch, meshes.batch_sharding(mesh)),
    ):
        sizes[name] = bytes_on_chip(tree, jax.tree.map(lambda x, place=place: place, tree))
    return sizes


def bytes_on_chip(tree: Any, shardings: Any) -> float:
    """Of a pytree of arrays or shapes, by its shardings; without the padding of a chip's layout."""
    sizes = jax.tree.map(lambda x, s: math.prod(s.shard_shape(x.shape)) * x.dtype.itemsize, tree, shardings)
    return float(sum(jax.tree.leaves(sizes)))


def read(
    program: jax.stages.Compiled | planned.Plan, chip: Chip, chips: int, people: int, kept: dict[str, float], turns: int
) -> Bill:
    """The bill of a step, compiled or planned.

    Args:
      turns: parts of a batch, one after the other: XLA counts operations and bytes of a loop's body once. The
        optimiser, which is not in it, is then counted as often; it is a thousandth of the whole.
    """
    plan = program if isinstance(program, planned.Plan) else planned.of_compiled(program)
    return Bill(
        chip=chip,
        chips=chips,
        people=people,
        kept=kept,
        arguments=plan.arguments,
        results=plan.results,
        temporaries=plan.temporaries,
        code=plan.code,
        flops=plan.cost["flops"] * turns,
        moved=plan.cost["bytes accessed"] * turns,
        traffic=traffic(plan.text, chips),
    )


def _key() -> jax.ShapeDtypeStruct:
    return jax.eval_shape(lambda: jax.random.key(0))
