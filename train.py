"""Train one stage: `python train.py --config=configs/face_tiny.py --workdir=runs/face`.

Any number of the config can be set here, as in --config.batch_size=8. The same command goes on with a run that was
stopped. With --aot_topology=v5e:16x16 nothing is trained: the step of stage 1 is compiled for that pod, on this CPU,
and what it takes and costs is printed.
"""

import sys

from absl import app, flags, logging
from ml_collections import config_flags

from vasa_jax.errors import UserError

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/.")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder for checkpoints, curves, pictures and trained weights.")
AOT_TOPOLOGY = flags.DEFINE_string("aot_topology", None, "A pod such as v5e:16x16: what a step would take of it.")
AOT_PART = flags.DEFINE_integer("aot_part", None, "Which part of the training to compile, from 0; the last by default.")
AOT_BATCH = flags.DEFINE_integer("aot_batch_per_chip", None, "People in a step for each chip of the pod.", 1)
AOT_PLAN = flags.DEFINE_bool("aot_plan", False, "Stop the compiler before it generates code: a tenth of the time.")
DISTRIBUTED = flags.DEFINE_bool("distributed", False, "Join the other hosts of a cluster first.")


def main(rest: list[str]) -> None:
    if len(rest) > 1:
        raise UserError(f"unknown argument {rest[1]!r}; see --help")
    if AOT_TOPOLOGY.value:
        return print_bill()
    import jax

    from vasa_jax.compile_cache import enable_compile_cache
    from vasa_jax.training import loop, stages

    logging.set_verbosity(logging.FATAL)  # Orbax tells each step of each save, and what it raises as well
    if DISTRIBUTED.value:
        jax.distributed.initialize()
    enable_compile_cache()
    config = read_config()
    loop.train(stages.build(config), stages.settings(config), WORKDIR.value)


def print_bill() -> None:
    """What the step takes of the pod that the flag names."""
    from vasa_jax.training import aot

    logging.set_verbosity(logging.WARNING)  # jax tells that there is no TPU
    code = not AOT_PLAN.value
    print(aot.face_bill(read_config(), AOT_TOPOLOGY.value, AOT_PART.value, AOT_BATCH.value, code))


def read_config():
    """The config that the flag names; of a missing file ml_collections tells only where the config is used."""
    try:
        CONFIG.value.lock()
    except OSError as error:
        raise UserError(" ".join(str(error).split())) from error
    return CONFIG.value


def parse(argv: list[str]) -> list[str]:
    """Flags from the command line, and what is left; whatever is wrong with them becomes one line."""
    try:
        return flags.FLAGS(argv)
    except (flags.Error, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(str(error).strip().splitlines()[0]) from error


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    flags.register_multi_flags_validator(
        ["workdir", "aot_topology"], lambda given: any(given.values()), "--workdir must be given"
    )
    try:
        app.run(main, flags_parser=parse)
    except UserError as error:
        print(f"train.py: {error}", file=sys.stderr)
        sys.exit(2)
