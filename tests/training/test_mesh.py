import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from vasa_jax.errors import UserError
from vasa_jax.training import mesh

HERE = Path(__file__).resolve().parent


def test_four_devices_lose_what_one_loses():
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parents[1])]),
    }
    done = subprocess.run(
        [sys.executable, HERE / "several_devices.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, *several = json.loads(done.stdout.splitlines()[-1])
    assert one["devices"] == 1 and len(set(one["losses"])) == 3
    for found, split in zip(several, (False, True), strict=True):
        np.testing.assert_allclose(found["losses"], one["losses"], rtol=1e-5)
        assert found["devices"] == 4 and (found["split"] > 0) == split


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
