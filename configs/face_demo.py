"""Stage 1 at 256x256, for one GPU.

    python -m vasa_jax.data.synthetic --assets ASSETS --out data/heads_256 --size 256 --identities 1500
    python train.py --config=configs/face_demo.py --workdir=runs/face_demo --config.judges.perceptual=VGG19.pth \\
        --config.judges.identity=ASSETS/face_identity

Not trained yet: the sizes are chosen, the cost and the result are not known.
"""

from ml_collections import ConfigDict

from configs import face_tiny


def get_config() -> ConfigDict:
    config = face_tiny.get_config()
    config.minutes, config.steps = 0.0, 60_000
    config.batch_size = 16
    config.data.clips = "data/heads_256"
    config.data.threads = 8
    config.model = ConfigDict(
        {
            "image_size": 256,
            "view": "unrolled",
            "view_size": 112,
            "fused_warps": True,
            "pose_encoder": {"kind": "compact", "widths": (48, 96, 144, 192), "outputs": 7},
            "dynamics_encoder": {
                "kind": "compact",
                "widths": (64, 128, 128, 192),
                "outputs": 64,
                "hidden": 384,
                "input_size": 112,
                "strips": ((0.0, 0.5), (0.44, 1.0)),  # eyes; mouth
            },
            "identity_encoder": {"kind": "compact", "widths": (48, 96, 128), "outputs": 128, "map_size": 4},
            "appearance_encoder": {
                "widths": (32, 64, 128),
                "depth": 8,
                "channels": 48,
                "blocks_3d": 3,
                "stem_stride": 2,
            },
            "warp": {"size": (8, 32, 32), "seed": (4, 4), "widths": (128, 96, 64, 32), "reach": 0.5, "linear": True},
            "refiner": {"down": (64, 96), "up": (96, 64)},
            "renderer": {
                "width": 192,
                "blocks": 4,
                "ups": (96, 64),
                "final_block": 2,
                "modulated": True,
                "warped_source": True,
            },
        }
    )
    return config
