"""Run by test_mesh.py in a process of four CPU devices: the same three steps on several meshes, losses as JSON."""

import json

import jax
import jax.numpy as jnp
import numpy as np
from toys import SIZE, ToyFace

from vasa_jax.training import face, mesh, state, step
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.stage import Phase

mesh.SMALLEST_SHARDED = 64


def batch(seed):
    generator = np.random.default_rng(seed)
    result = {
        "source": generator.integers(0, 255, (4, SIZE, SIZE, 3), dtype=np.uint8),
        "driver": generator.integers(0, 255, (4, 2, SIZE, SIZE, 3), dtype=np.uint8),
    }
    for who, some in (("source", (4,)), ("driver", (4, 2))):
        for label, shape in (("pose", (7,)), ("expression", (57,)), ("landmarks", (68, 2))):
            result[f"{who}_{label}"] = generator.normal(size=(*some, *shape)).astype(np.float32) * 0.1
    return result


def losses(devices, fsdp):
    model, image = ToyFace(), jnp.zeros((1, SIZE, SIZE, 3))
    loss = face.FaceLoss(model, face.Weights(), face.Noise(), jnp.ones(57))
    phase = Phase("face", 1.0, None, loss, Optimiser(learning_rate=1e-2, warmup=1))
    over = mesh.make_mesh(fsdp, jax.devices()[:devices])

    def init(key):
        return model.init(key, image, image)["params"]

    first = state.first_state(init, phase.optimiser.transformation())
    now, places = state.create(first, over, jax.random.key(0))
    take, found = step.compile_step(phase, over, places), []
    for i in range(3):
        now, metrics = take(now, mesh.place_batch(over, batch(i)), jax.random.key(1), 0.0)
        found.append(float(metrics["loss"]))
    spread = max(len(x.sharding.device_set) for x in jax.tree.leaves(now.params))
    split = sum(not x.sharding.is_fully_replicated for x in jax.tree.leaves(now.params))
    return {"losses": found, "devices": spread, "split": split}


print(json.dumps([losses(1, 1), losses(4, 1), losses(4, 2)]))
