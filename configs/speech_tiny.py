"""The streaming speech encoder, on the speech of the clips.

Cost: 10 minutes on one core (2,000 steps). Result on held-out sentences of known voices: 85% of the spoken 20 ms
slots get their phone right, 84% with noise: without a teacher, and before voices and rooms were changed too.

python train.py --config=configs/speech_tiny.py --workdir=runs/speech_tiny

With --config.teacher=FOLDER it learns from a larger encoder as well, see docs/speech.md.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.stage = "speech"
    config.seed = 0
    config.steps = 0  # one of steps and minutes
    config.minutes = 10.0
    config.batch_size = 16

    config.model = ConfigDict(
        {
            "kind": "streaming",
            "feature_size": 96,
            "width": 128,
            "look_ahead_frames": 4,
            "fast_dilations": (1, 2, 4, 8),
            "slow_dilations": (1, 2),
        }
    )
    config.data = ConfigDict({"clips": "data/heads", "frames": 75, "threads": 1, "ahead": 2, "workers": 0})
    config.losses = ConfigDict({"silence": 0.3, "teacher": 1.0})  # teacher: weight of its loss, if there is one
    config.teacher = ""  # an encoder to learn from: a folder that vasa_jax.speech.convert has written
    config.noise = ConfigDict({"strength": 1.0, "speed": 0.12})
    config.optimiser = ConfigDict(
        {
            "learning_rate": 2e-3,
            "b1": 0.9,
            "b2": 0.98,
            "weight_decay": 1e-2,
            "clip": 1.0,
            "warmup": 100,
            "final": 0.01,
            "ema": 0.995,
        }
    )
    config.init_from = ""  # a run or released weights to begin with
    config.loop = ConfigDict({"fsdp": 1, "log_every": 20, "report_every": 500, "save_every": 500})
    return config
