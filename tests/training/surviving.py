"""Run by test_survival.py in a process of its own: a toy training in two phases, the second with a critic.

python surviving.py WORKDIR CLIPS LOSSES PROGRAMS: every step adds "step loss" to the file LOSSES; the folder PROGRAMS
keeps what has been compiled for the next process.
"""

import sys

import jax
import jax.numpy as jnp
from toys import CRITIC, SIZE, ToyFace

from vasa_jax.data import clips, pipeline
from vasa_jax.training import face, loop
from vasa_jax.training.budget import Budget
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.stage import Phase, Stage
from vasa_jax.training.watch import Watch

STEPS, SAVE_EVERY = 24, 3


def stage(folder):
    """Encoders for a quarter, then the whole against its critic."""
    source, image = clips.open_clips(folder, "train"), jnp.zeros((1, SIZE, SIZE, 3))
    model, rule = ToyFace(), Optimiser(learning_rate=3e-3, warmup=2)
    encoders = face.EncoderLoss(model, face.Weights(), face.Noise(), jnp.ones(57))
    weights = face.Weights(adversarial=0.5, feature_matching=1.0)
    whole = face.FaceLoss(model, weights, face.Noise(), jnp.ones(57), CRITIC)
    batches = [
        pipeline.batches(source, sample, pipeline.Reading(2, seed=seed))
        for seed, sample in enumerate((pipeline.Singles(2), pipeline.FacePairs(2, 1.0)))
    ]
    return Stage(
        room="face",
        model={},
        init=lambda key: model.init(key, image, image)["params"],
        critic_init=lambda key: CRITIC.init(key, image)["params"],
        phases=(
            Phase("encoders", 0.25, batches[0], encoders, rule),
            Phase("face", 1.0, batches[1], whole, rule, rule),
        ),
    )


def main(workdir, folder, losses, programs):
    jax.config.update("jax_compilation_cache_dir", programs)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    with open(losses, "a", buffering=1) as told:
        Watch.step = lambda self, name, step, used, metrics: print(step, metrics["loss"], file=told)
        loop.train(stage(folder), loop.Settings(Budget(steps=STEPS), 1, log_every=1, save_every=SAVE_EVERY), workdir)


if __name__ == "__main__":
    main(*sys.argv[1:])
