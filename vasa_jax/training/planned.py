"""A program as its compiler plans it: scheduled and with its memory assigned, before code is generated.

Of the time that the TPU's compiler takes for a step of stage 1, nine tenths go into code, kernel by kernel; of what a
bill says, only the size of that code is unknown before. XLA writes the plan into files where `xla_dump_to` asks for it,
so a process of its own compiles and is stopped when they are there.
"""

import dataclasses
import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

import jax

PLAN, MEMORY, WRITTEN = "after_optimizations_after_buffer_assignment.txt", "buffer-assignment.txt", "debug_options"
# What a TPU's program leaves to another unit, such as gathers of sampling, in a form that HLO's reader does not take.
ELSEWHERE = re.compile(r"(%\w+_offload_.* = .*) async-(?:start|update|done)\((.*?)\).*")
ALLOCATION = re.compile(r"allocation \d+:.* size (\d+), (.*)")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is known of a program before its code; sizes in bytes, for one device.

    Attributes:
      arguments: as laid out. results: of what does not take an argument's place. temporaries: needed besides.
      code: None before it is generated.
      text: HLO after the split over devices, scheduled.
      cost: XLA's count of operations ("flops") and of bytes to and from memory ("bytes accessed").
    """

    arguments: float
    results: float
    temporaries: float
    code: float | None
    text: str
    cost: Mapping[str, float]


def of_compiled(program: jax.stages.Compiled) -> Plan:
    """The same of a program that is ready, by JAX's own account."""
    memory = program.memory_analysis()
    return Plan(
        arguments=float(memory.argument_size_in_bytes),
        results=float(memory.output_size_in_bytes - memory.alias_size_in_bytes),
        temporaries=float(memory.temp_size_in_bytes),
        code=float(memory.generated_code_size_in_bytes),
        text=program.as_text(),
        cost=program.cost_analysis(),
    )


def plan(lower: Callable[[], jax.stages.Lowered]) -> Plan:
    """Compiles up to the assignment of memory.

    Bytes to and from memory are counted without the padding of a chip's layout, which compiled code counts too.

    Args:
      lower: gives the program; can be pickled, since another process calls it.

    Raises:
      jax.errors.JaxRuntimeError: the compiler has refused the program.
    """
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = context.Pipe()
        process = context.Process(target=_compile, args=(lower, folder, theirs), daemon=True)
        process.start()
        theirs.close()
        try:
            while not _is_written(Path(folder)):
                if ours.poll(0.2):
                    raise jax.errors.JaxRuntimeError(_last_words(ours))
        finally:
            process.kill()
            process.join()
        memory, text = (_largest(Path(folder), f"*{name}").read_text() for name in (MEMORY, PLAN))
    return Plan(**_sizes(memory.splitlines()), code=None, text=text, cost=_cost(text))


def _compile(lower: Callable[[], jax.stages.Lowered], folder: str, parent: Connection) -> None:
    """In the other process."""
    lowered = lower()
    try:
        lowered.compile({"xla_dump_to": folder})
    except jax.errors.JaxRuntimeError as error:
        parent.send(str(error))
        return
    time.sleep(60)  # a small program's code is there before its plan has been seen


def _last_words(pipe: Connection) -> str:
    try:
        return pipe.recv()
    except EOFError:
        return "the compiler's process has died"


def _is_written(folder: Path) -> bool:
    """The options of a compilation are written anew behind its plan."""
    plans, marks = list(folder.glob(f"*{PLAN}")), list(folder.glob(f"*{WRITTEN}"))
    return bool(plans and marks) and max(map(_written, marks)) >= max(map(_written, plans))


def _written(file: Path) -> float:
    return file.stat().st_mtime


def _largest(folder: Path, pattern: str) -> Path:
    """The program's own file among those of the small ones that tracing may compile."""
    return max(folder.glob(pattern), key=lambda file: file.stat().st_size)


def _cost(text: str) -> Mapping[str, float]:
    return _count(ELSEWHERE.sub(r'\1 custom-call(\2), custom_call_target="elsewhere"', text))


def _count(text: str) -> Mapping[str, float]:
    from jaxlib import _hlo, _jax  # JAX has no public way to count a program that is not an executable

    client = jax.local_devices(backend="cpu")[0].client
    return _jax.hlo_module_cost_analysis(client, _hlo.hlo_module_from_text(text))


def _sizes(lines: Iterable[str]) -> dict[str, float]:
    """Sizes of a device's own memory by their use; that of other memories is marked with a colour."""
    sizes = {"arguments": 0.0, "results": 0.0, "temporaries": 0.0}
    for size, rest in (match.groups() for match in map(ALLOCATION.match, lines) if match):
        if "color" in rest or "thread-local" in rest:
            continue
        use = "arguments" if "parameter" in rest else "results" if "maybe-live-out" in rest else "temporaries"
        sizes[use] += int(size)
    return sizes
