"""What is read of a program before its code; that a real one gives the same as compiled is a test of test_aot.py."""

import jax
import jax.numpy as jnp
import pytest

from vasa_jax.training import planned

MEMORY = """BufferAssignment:
allocation 0: size 4096, page 0, thread-local:
 value: <3757 add.1409 @0> (size=4096,offset=0): f32[]
allocation 1: size 100, page 0, parameter 11, shape |f32[5,5]| at ShapeIndex {}:
allocation 2: 0x55d0, size 40, page 0, parameter 0, shape |f32[10]| at ShapeIndex {1}, maybe-live-out:
allocation 3: size 7, page 0, maybe-live-out:
allocation 4: size 8, page 0, output shape is |(f32[2])|, maybe-live-out:
allocation 5: size 16, page 0, constant:
allocation 6: size 5000, page 0, preallocated-temp:
allocation 7: size 131072, color 1, page 0, preallocated-temp:
"""
OFFLOADED = """HloModule offloaded, is_scheduled=true

%elsewhere (one: f32[4000], two: s32[4000]) -> f32[4000] {
  %one = f32[4000]{0} parameter(0)
  %two = s32[4000]{0} parameter(1)
  ROOT %add = f32[4000]{0} add(%one, %one)
}

ENTRY %main (a: f32[4000], b: s32[4000]) -> f32[4000] {
  %a = f32[4000]{0} parameter(0)
  %b = s32[4000]{0} parameter(1)
  %gather_offload_async_start.1 = ((f32[4000]{0}, s32[4000]{0}), f32[4000]{0}, (s32[2]{0})) async-start(%a, %b), calls=%elsewhere
  %gather_offload_async_start.1.update = ((f32[4000]{0}, s32[4000]{0}), f32[4000]{0}, (s32[2]{0})) async-update(%gather_offload_async_start.1, %a, %b), output_to_operand_aliasing={{2,0}: (0, {2,0})}
  %gather_offload_async_done.1 = f32[4000]{0} async-done(%gather_offload_async_start.1.update, %b)
  ROOT %product = f32[4000]{0} multiply(%gather_offload_async_done.1, %a)
}
"""  # noqa: E501 as the compiler writes it


def test_memory_is_read_by_its_use():
    """Of a device's own memory, without what lies within another allocation or in another memory."""
    assert planned._sizes(MEMORY.splitlines()) == {"arguments": 140.0, "results": 15.0, "temporaries": 5016.0}


def test_work_for_another_unit_can_be_counted_around():
    found = planned._cost(OFFLOADED)["flops"]
    assert found == pytest.approx(4000, abs=3), "the product; the sum is elsewhere, and each call there counts as -1"


def test_the_count_is_that_of_the_compiled_program():
    a = jnp.ones((32, 16))
    program = jax.jit(lambda a: jnp.tanh(a @ a.T).sum()).lower(a).compile()
    assert planned._cost(program.as_text())["flops"] == program.cost_analysis()["flops"] > 2 * 32 * 32 * 16
