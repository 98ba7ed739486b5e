"""The few-step student of the tiny motion transformer: four steps of one branch in place of fifty of three.

Cost: 2 CPU seconds a step on a machine that does nothing else. After some 2,750 steps in six goes, on held-out clips:
lips as the teacher's (0.910 against 0.897), the head moves 5% more from frame to frame and z_dyn spreads 5% less. A run
that goes on from a trained student (`config.init_from`) wants a learning rate of 2e-4: 6e-4 tripled the errors for a
hundred steps.

    python train.py --config=configs/student_tiny.py --workdir=runs/student_tiny
    python -m vasa_jax.evaluation.samplers --motion runs/motion_tiny --student runs/student_tiny --data data/motion_tiny
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.stage = "student"
    config.seed = 0
    config.steps = 0  # one of steps and minutes
    config.minutes = 15.0
    config.batch_size = 8

    config.teacher = "runs/motion_tiny"  # a motion training, or released weights
    config.data = ConfigDict({"motion": "data/motion_tiny", "threads": 1, "ahead": 2, "workers": 0})
    config.losses = ConfigDict(
        {
            "steps": 4,
            "substeps": 5,
            "sampler": "dpm",
            "velocity": 10.0,
            "seam": 0.5,
            "lids": 0.2,
            "amount": 6.0,
            "spread": 0.5,
        }
    )
    config.guidance = ConfigDict({"audio": 2.0, "gaze": 2.0})  # largest scales that the student learns
    config.conditions = ConfigDict({"drop_previous": 0.1, "cut": 0.4})
    config.optimiser = ConfigDict(
        {
            "learning_rate": 1e-3,
            "b1": 0.9,
            "b2": 0.99,
            "weight_decay": 0.0,
            "clip": 1.0,
            "warmup": 50,
            "final": 0.01,
            "ema": 0.99,
        }
    )
    config.film = ""  # released weights whose face shows what is learned, with each report
    config.init_from = ""  # a student to begin with; the teacher if empty
    config.loop = ConfigDict({"fsdp": 1, "log_every": 20, "report_every": 100, "save_every": 100})
    return config
