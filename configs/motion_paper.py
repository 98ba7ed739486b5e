"""Stage 2 at the paper's size: 8 layers of width 512, 29M parameters (VASA-1, section 4.1). Not trained yet.

The paper's ear is a frozen Wav2Vec2, which the motion set is made with; the width of its features follows from the set.

    python -m vasa_jax.speech.convert --weights wav2vec2-base-960h --out runs/wav2vec2
    python -m vasa_jax.data.encode_motion --face runs/face_paper --speech runs/wav2vec2 \\
        --clips data/heads --out data/motion_paper
    python train.py --config=configs/motion_paper.py --workdir=runs/motion_paper
"""

from ml_collections import ConfigDict

from configs import motion_tiny


def get_config() -> ConfigDict:
    config = motion_tiny.get_config()
    config.minutes, config.steps = 0.0, 500_000
    config.batch_size = 256
    config.data.motion = "data/motion_paper"
    config.model.width, config.model.layers = 512, 8
    config.model.heads, config.model.feedforward = 8, 2048
    return config
