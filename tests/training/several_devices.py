"""Run by test_mesh.py in processes of their own: the same training on several meshes, told as one line of JSON.

python several_devices.py losses DEVICES:FSDP...   losses of 20 steps with everything on, on each mesh; devices of all
                                                   processes, if several were started together
python several_devices.py restore FOLDER           a state that goes from mesh to mesh by way of checkpoints
"""

import json
import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from toys import CRITIC, SIZE, ToyFace, toy_judges

from vasa_jax.training import face, mesh, state, step
from vasa_jax.training.checkpoint import Checkpoints, Position
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.stage import Phase

mesh.SMALLEST_SHARDED = 64
PEOPLE, STEPS = 8, 20
RULE = Optimiser(learning_rate=1e-3, warmup=1)
EVERYTHING = face.Weights(
    perceptual=1.0, gaze=1.0, adversarial=1.0, feature_matching=1.0, cycle=1.0, consistency=1.0, cross_identity=1.0,
    canonical=1.0,
)  # fmt: skip


def batch(seed):
    """This process's share of a batch that all have drawn."""
    generator = np.random.default_rng(seed)
    result = {
        "source": generator.integers(0, 255, (PEOPLE, SIZE, SIZE, 3), dtype=np.uint8),
        "driver": generator.integers(0, 255, (PEOPLE, 2, SIZE, SIZE, 3), dtype=np.uint8),
        "identity": np.arange(PEOPLE, dtype=np.uint32) // 2,
    }
    for who, some in (("source", (PEOPLE,)), ("driver", (PEOPLE, 2))):
        for label, shape in (("pose", (7,)), ("expression", (57,)), ("landmarks", (68, 2))):
            result[f"{who}_{label}"] = generator.normal(size=(*some, *shape)).astype(np.float32) * 0.1
    share, process = PEOPLE // jax.process_count(), jax.process_index()
    return {name: value[share * process :][:share] for name, value in result.items()}


def first_state():
    model, image = ToyFace(), jnp.zeros((1, SIZE, SIZE, 3))
    return state.first_state(
        lambda key: model.init(key, image, image)["params"],
        RULE.transformation(),
        (lambda key: CRITIC.init(key, image)["params"], RULE.transformation()),
    )


def losses(devices, fsdp):
    loss = face.FaceLoss(ToyFace(), EVERYTHING, face.Noise(), jnp.ones(57), CRITIC)
    phase = Phase("face", 1.0, None, loss, RULE, RULE, toy_judges())
    over = mesh.make_mesh(fsdp, jax.devices()[:devices])
    now, places = state.create(first_state(), over, jax.random.key(0))
    take, found = step.CompiledStep(phase, over, places), []
    for i in range(STEPS):
        now, metrics = take(now, mesh.place_batch(over, batch(i)), jax.random.key(1), 0.0)
        found.append({name: float(value) for name, value in metrics.items()})
    leaves = jax.tree.leaves(now.params)
    spread = max(len(x.sharding.device_set) for x in leaves)
    return {"metrics": found, "devices": spread, "split": sum(not x.sharding.is_fully_replicated for x in leaves)}


def restore(folder):
    """Whether a state is bit for bit the same on each mesh, restored from the checkpoint of the one before."""
    wanted, told = None, []
    for number, (devices, fsdp) in enumerate(((8, 2), (4, 1), (4, 4), (1, 1))):
        over = mesh.make_mesh(fsdp, jax.devices()[:devices])
        now, places = state.create(first_state(), over, jax.random.key(number))
        if wanted is None:
            wanted = jax.device_get(now)
        else:
            now, position = Checkpoints(folder / str(number - 1)).restore(now, places)
            equal = jax.tree.map(np.array_equal, jax.device_get(now), wanted)
            placed = jax.tree.map(lambda x, place: x.sharding == place, now, places)
            told.append(all(jax.tree.leaves((equal, placed))) and position == Position(1, 2.0, {"next": 3}, 4))
        checkpoints = Checkpoints(folder / str(number))
        checkpoints.save(now, Position(1, 2.0, {"next": 3}, 4))
        checkpoints.close()
    return told


def main(what, *arguments):
    if "SLURM_PROCID" in os.environ:
        jax.distributed.initialize()
    if what == "losses":
        told = [losses(*map(int, run.split(":"))) for run in arguments]
    else:
        told = restore(Path(arguments[0]))
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
