"""Our stage 2, at the paper's size, on LivePortrait's motion: no face model is trained. Not trained yet.

What speech makes is then told by gaze, distance and emotion as well, which JoyVASA's generator does not know. The clips
are encoded with the weights that docs/open_weights.md makes; their frames are in the canonical framing, LivePortrait's
square is wider, so clips with some room around the head are better than the bundled kind.

    python -m vasa_jax.data.encode_motion --face open_weights --speech runs/speech_tiny \\
        --clips data/heads --out data/motion_liveportrait
    python train.py --config=configs/motion_liveportrait.py --workdir=runs/motion_liveportrait
    python -m vasa_jax.training.release --face open_weights --speech runs/speech_tiny \\
        --motion runs/motion_liveportrait --out my_weights --name mine
"""

from ml_collections import ConfigDict

from configs import motion_paper


def get_config() -> ConfigDict:
    config = motion_paper.get_config()
    config.steps, config.batch_size = 200_000, 128
    config.data.motion = "data/motion_liveportrait"
    return config
