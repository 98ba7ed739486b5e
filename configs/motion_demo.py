"""Stage 2 on the encoded clips of a demo face model, for one GPU. Not trained yet.

    python train.py --config=configs/motion_demo.py --workdir=runs/motion_demo
"""

from ml_collections import ConfigDict

from configs import motion_tiny


def get_config() -> ConfigDict:
    config = motion_tiny.get_config()
    config.minutes, config.steps = 0.0, 100_000
    config.batch_size = 128
    config.data.motion = "data/motion_demo"
    config.model.width, config.model.layers = 384, 6
    config.model.heads, config.model.feedforward = 6, 1536
    return config
