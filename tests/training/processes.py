"""Other processes for tests: with fake CPU devices, and several that train together."""

import os
import socket
import subprocess
import sys
from pathlib import Path

QUICK_TO_COMPILE = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
TESTS, ROOT = Path(__file__).resolve().parents[1], Path(__file__).resolve().parents[2]


def start(script, *arguments, devices=1, **environment):
    """A Python process that runs `script`, with the toys and vasa_jax at hand."""
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        env={
            **os.environ,
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices} {QUICK_TO_COMPILE}",
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(ROOT)]),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_together(script, *arguments, count=2, devices=1):
    """Processes that find each other as those of a Slurm job do."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    job = {
        "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
        "SLURM_JOB_ID": "1",
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": str(count),
        "SLURM_LOCALID": "0",
    }
    return [start(script, *arguments, devices=devices, **job, SLURM_PROCID=str(i)) for i in range(count)]


def finish(process, status=0, seconds=240):
    """Its output and errors, once it has ended with `status`."""
    try:
        out, errors = process.communicate(timeout=seconds)
    finally:
        process.kill()
    assert process.returncode == status, f"status {process.returncode}\n{errors[-3000:]}"
    return out, errors
