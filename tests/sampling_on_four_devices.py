"""Run by test_sampling.py in a process of four CPU devices: gradients with the batch whole and split, as JSON."""

import json

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from vasa_jax.sampling import sample_volume
from vasa_jax.training.mesh import make_mesh

volume = jax.random.normal(jax.random.key(0), (8, 3, 5, 6, 4))
points = jax.random.uniform(jax.random.key(1), (8, 7, 9, 3), minval=-1.3, maxval=1.3)


def gradients(volume, points):
    return jax.grad(lambda v, p: jnp.sum(sample_volume(v, p) ** 2), (0, 1))(volume, points)


split = NamedSharding(make_mesh(), PartitionSpec(("data", "fsdp")))
compiled = jax.jit(gradients, in_shardings=(split, split)).lower(volume, points).compile()
whole = jax.jit(gradients)(volume, points)
parted = compiled(jax.device_put(volume, split), jax.device_put(points, split))
found = {
    "devices": jax.device_count(),
    "gathers": sum(word in compiled.as_text() for word in ("all-gather", "all-to-all", "collective-permute")),
    "error": max(float(jnp.abs(a - b).max()) for a, b in zip(whole, parted, strict=True)),
    "local": all(x.sharding.is_equivalent_to(split, x.ndim) for x in parted),
    "volume": whole[0].tolist(),
    "points": whole[1].tolist(),
}
print(json.dumps(found))
