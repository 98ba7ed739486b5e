import json

import jax
import pytest
from jax.sharding import PartitionSpec
from processes import TESTS, finish, start, start_together

from vasa_jax.errors import UserError
from vasa_jax.training import mesh

SCRIPT = TESTS / "training" / "several_devices.py"


@pytest.mark.slow
def test_devices_and_processes_lose_what_one_device_loses():
    """With every loss on and the critic learning; 8 devices, 4 that split parameters, and 2 processes of 2 that do.

    The terms of the first step agree to float error. Gradients and later steps mostly do too, but |x| and hinges have
    kinks, where float error, which differs from run to run on threads, turns the gradient of a pixel or a patch round
    (seen: 2e-3 of a gradient's norm), and Adam carries that on: hence the wider bounds.
    """
    alone = start(SCRIPT, "losses", "1:1", "8:1", "4:2", devices=8)
    together = start_together(SCRIPT, "losses", "4:2", devices=2)
    one, *several = last_line(alone)
    several += [run for process in together for run in last_line(process)]
    assert one["devices"] == 1 and len({step["loss"] for step in one["metrics"]}) == 20
    assert {"gaze", "cross_identity", "critic_gradient_norm"} <= one["metrics"][0].keys()
    for found, (devices, split) in zip(several, ((8, False), (4, True), (4, True), (4, True)), strict=True):
        assert found["devices"] == devices and (found["split"] > 0) == split
        first, wanted = found["metrics"][0], one["metrics"][0]
        norms = {"gradient_norm", "critic_gradient_norm"}
        assert {k: first[k] for k in norms} == pytest.approx({k: wanted[k] for k in norms}, rel=1e-2)
        terms = wanted.keys() - norms
        assert {k: first[k] for k in terms} == pytest.approx({k: wanted[k] for k in terms}, rel=1e-5, abs=1e-6)
        lost, expected = ([step["loss"] for step in run["metrics"]] for run in (found, one))
        assert lost == pytest.approx(expected, rel=5e-3)


@pytest.mark.slow
def test_a_checkpoint_goes_to_any_number_of_devices(tmp_path):
    assert last_line(start(SCRIPT, "restore", tmp_path, devices=8)) == [True] * 3


def last_line(process):
    return json.loads(finish(process)[0].splitlines()[-1])


def test_the_largest_divisible_axis_is_split():
    assert mesh.partition((3, 512, 256), 4) == PartitionSpec(None, "fsdp")
    assert mesh.partition((30, 513, 256), 4) == PartitionSpec(None, None, "fsdp")
    assert mesh.partition((513, 513), 4) == PartitionSpec(), "nothing divides"
    assert mesh.partition((64,), 4) == PartitionSpec(), "too small"
    assert mesh.partition((512, 512), 1) == PartitionSpec()


def test_a_mesh_needs_a_fitting_number_of_devices():
    assert mesh.make_mesh().shape == {"data": jax.device_count(), "fsdp": 1}
    with pytest.raises(UserError, match="fsdp=3"):
        mesh.make_mesh(3, jax.devices()[:1])
