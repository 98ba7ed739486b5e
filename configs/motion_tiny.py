"""Stage 2 on the encoded clips of a tiny face model.

Cost: 15 minutes on two cores (2,000 steps). What ships has had some 6,700 more, in four goes; on held-out
sentences, read from the latent motion: lip opening against the truth 0.90, with swapped speech 0.18.

    python -m vasa_jax.data.encode_motion --face runs/face_tiny --speech runs/speech_tiny \\
        --clips data/heads --out data/motion_tiny
    python train.py --config=configs/motion_tiny.py --workdir=runs/motion_tiny
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.stage = "motion"
    config.seed = 0
    config.steps = 0  # one of steps and minutes
    config.minutes = 15.0
    config.batch_size = 32

    config.model = ConfigDict(
        {
            "width": 128,
            "layers": 4,
            "heads": 4,
            "feedforward": 512,
            "window": 50,
            "history": 10,
            "dropout": 0.1,
        }
    )
    config.data = ConfigDict({"motion": "data/motion_tiny", "threads": 1, "ahead": 2, "workers": 0})
    config.losses = ConfigDict({"velocity": 1.0, "seam": 0.5, "lids": 0.2})
    # A stream has the audio of a window's first frames only: many windows are cut.
    config.conditions = ConfigDict({"drop": 0.1, "drop_previous": 0.5, "cut": 0.4})
    config.optimiser = ConfigDict(
        {
            "learning_rate": 1e-3,
            "b1": 0.9,
            "b2": 0.99,
            "weight_decay": 1e-2,
            "clip": 1.0,
            "warmup": 200,
            "final": 0.01,
            "ema": 0.999,
        }
    )
    config.film = ""  # released weights whose face shows what is learned, with each report
    config.init_from = ""  # a run or released weights to begin with
    config.loop = ConfigDict({"fsdp": 1, "log_every": 50, "report_every": 500, "save_every": 500})
    return config
