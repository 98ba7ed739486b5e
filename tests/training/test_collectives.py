"""The parser of compiled programs, on lines that XLA writes, and on a program compiled here."""

import json
import os
import subprocess
import sys

import pytest

from vasa_jax.training.collectives import Traffic, traffic

# As the compiler writes for a TPU: an asynchronous gather stands at its start, on its way and at its end; a sum whose
# result is sliced is a reduce-scatter; layouts and counters stand between the numbers.
TEXT = """HloModule jit_f, is_scheduled=true, num_partitions=8

%add (x: f32[], y: f32[]) -> f32[] {
  ROOT %sum = f32[] add(%x, %y)
}

%begin (p: bf16[64,16]) -> (bf16[64,16], bf16[128,16]) {
  %all-gather.1 = bf16[128,16]{1,0:T(8,128)(2,1)} all-gather(%p), channel_id=2, replica_groups=mesh['a'=4,'b'=2] {'b'}
  ROOT %call = (bf16[64,16], bf16[128,16]) custom-call(%all-gather.1), custom_call_target="AsyncCollectiveStart"
}

%end (p: bf16[64,16]) -> bf16[128,16] {
  %all-gather.2 = bf16[128,16]{1,0:T(8,128)(2,1)} all-gather(%p), channel_id=2, replica_groups=mesh['a'=4,'b'=2] {'b'}
  ROOT %call.2 = bf16[128,16] custom-call(%all-gather.2), custom_call_target="AsyncCollectiveDone"
}

%all-reduce-scatter.clone (input: f32[32,16]) -> f32[16,16] {
  %all-reduce.3 = f32[32,16]{1,0:T(8,128)} all-reduce(%input), channel_id=3, replica_groups={{0,1},{2,3},{4,5},{6,7}}
  ROOT %slice = f32[16,16] dynamic-slice(%all-reduce.3, %i)
}

%condition (c: (s32[], f32[32,16])) -> pred[] {
  %five = s32[]{:T(128)} constant(5)
  ROOT %less = pred[] compare(%i, %five), direction=LT
}

%body (c: (s32[], f32[32,16])) -> (s32[], f32[32,16]) {
  %all-reduce.4 = (f32[10]{0:T(256)S(1)}, bf16[20]{0}) all-reduce(%a, %b), channel_id=4, replica_groups=[2,4]<=[8]
  %scattered = f32[16,16] fusion(%x), kind=kCustom, calls=%all-reduce-scatter.clone
}

ENTRY %main (p: f32[32,16]) -> f32[32,16] {
  %start = (bf16[64,16], bf16[128,16]) fusion(%p), kind=kCustom, calls=%begin
  %done = bf16[128,16] fusion(%start), kind=kCustom, calls=%end
  %while.1 = (s32[], f32[32,16]) while(%t), condition=%condition, body=%body
  %permute = (f32[3,5]{1,0}, f32[3,5]{1,0}, u32[]{:S(2)}, u32[]{:S(2)}) collective-permute-start(%p), channel_id=5
  %permuted = f32[3,5] collective-permute-done(%permute)
  %all-reduce.5 = f32[] all-reduce(%q), channel_id=6, replica_groups={}, to_apply=%add
  ROOT %all-reduce.6 = f32[2] all-reduce(%q), channel_id=7, replica_groups=mesh['a'=4,'b'=2], ids=() {'a':(1)2}
}
"""


def test_each_kind_with_its_ring_its_loop_and_its_group():
    found = traffic(TEXT, 8)
    assert found == {
        "all-gather": Traffic(1, 128 * 16 * 2 / 2),
        "reduce-scatter": Traffic(5, 5 * 32 * 16 * 4 / 2),
        "all-reduce": Traffic(7, 5 * 2 * (10 * 4 + 20 * 2) * 3 / 4 + 2 * 4 * 7 / 8 + 2 * 8 / 2),
        "collective-permute": Traffic(1, 3 * 5 * 4.0),
    }


def test_a_noted_number_of_turns_counts():
    noted = TEXT.replace("body=%body", 'body=%body, backend_config={"known_trip_count":{"n":"7"}}')
    assert traffic(noted, 8)["reduce-scatter"].count == 7


def test_a_program_without_collectives_sends_nothing():
    assert traffic("ENTRY %main (p: f32[]) -> f32[] {\n  ROOT %p = f32[] parameter(0)\n}", 8) == {}


PROGRAM = """
import json
import jax, jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec as P
from vasa_jax.training import collectives, mesh
over = mesh.make_mesh(2)
split, batch, whole = (NamedSharding(over, spec) for spec in (P("fsdp"), P(("data", "fsdp")), P()))
jitted = jax.jit(lambda w, x: jnp.sum(jnp.tanh(x @ w)), in_shardings=(split, batch), out_shardings=whole)
text = jitted.lower(jnp.zeros((64, 32)), jnp.zeros((8, 64))).compile().as_text()
print(json.dumps({kind: [t.count, t.sent] for kind, t in collectives.traffic(text, 4).items()}))
"""


def test_what_xla_compiles_for_four_devices_is_understood():
    """A weight split in two is gathered, 64 x 32 floats of which a neighbour has half; a scalar is summed."""
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["all-gather"] == [1, 64 * 32 * 4 / 2]
    assert found["all-reduce"] == pytest.approx([1, 2 * 4 * 3 / 4])
