"""One mesh over all devices of all hosts, and where each array of a training lives on it.

`jax.jit` with these shardings is what used to be written as pmap or pjit: the same program runs on one CPU,
on eight GPUs and on a pod, and XLA puts in the collectives.
"""

from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from vasa_jax.errors import UserError

AXES = ("data", "fsdp")
SMALLEST_SHARDED = 2**14  # elements; below, the gather costs more than the memory it saves


def make_mesh(fsdp: int = 1, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Devices as (data, fsdp).

    Args:
      fsdp: over how many devices each parameter is split; must divide the number of devices.
      devices: all of all hosts if None.

    Raises:
      UserError: `fsdp` does not divide their number.
    """
    devices = jax.devices() if devices is None else devices
    if len(devices) % fsdp:
        raise UserError(f"{len(devices)} devices cannot be split by fsdp={fsdp}")
    shape = (len(devices) // fsdp, fsdp)
    return jax.make_mesh(shape, AXES, axis_types=(AxisType.Auto,) * 2, devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    return NamedSharding(mesh, PartitionSpec())


def shardings(mesh: Mesh, tree):
    """A sharding for each array (or ShapeDtypeStruct) of a pytree, by `partition`."""
    return jax.tree.map(lambda x: NamedSharding(mesh, partition(x.shape, mesh.shape["fsdp"])), tree)


def partition(shape: tuple[int, ...], parts: int) -> PartitionSpec:
    """The largest axis that `parts` divides goes over fsdp; small and indivisible arrays are replicated."""
    divisible = [axis for axis, size in enumerate(shape) if size % parts == 0]
    if parts == 1 or not divisible or np.prod(shape) < SMALLEST_SHARDED:
        return PartitionSpec()
    axis = max(divisible, key=lambda axis: shape[axis])
    return PartitionSpec(*[None] * axis, "fsdp")


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """The leading axis of every array of a batch goes over all devices."""
    return NamedSharding(mesh, PartitionSpec(AXES))


def place_batch(mesh: Mesh, batch):
    """Each host's share of a batch (NumPy) as global arrays on the mesh."""
    return jax.make_array_from_process_local_data(batch_sharding(mesh), batch)
