"""Stage 1 at 128x128, small enough for two CPU cores.

    python -m vasa_jax.data.synthetic --assets ASSETS --out data/heads --identities 600 --talk 240
    python train.py --config=configs/face_tiny.py --workdir=runs/face_tiny \\
        --config.judges.perceptual=ASSETS/efficientnet_lite0/efficientnet_lite0.npz \\
        --config.judges.identity=ASSETS/face_identity

Cost: 2.4 s of processor time a step, 3.2 s with the losses that start late. 50 minutes on two shared cores without
those give PSNR 23.5 dB on held-out people in wide poses (copying the source frame: 17.8) and pose to 1.5 degrees. The
weights that ship have had more, see vasa_jax/pretrained/MODEL_CARD.md.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.stage = "face"
    config.seed = 0
    config.steps = 0  # one of steps and minutes
    config.minutes = 50.0
    config.batch_size = 4  # people in a step

    config.model = ConfigDict(
        {
            "image_size": 128,
            "view": "unrolled",
            "view_size": 72,
            "fused_warps": True,
            "pose_encoder": {"kind": "compact", "widths": (24, 48, 72, 96), "outputs": 7},
            "dynamics_encoder": {
                "kind": "compact",
                "widths": (32, 64, 64, 96),
                "outputs": 48,
                "hidden": 192,
                "input_size": 72,
                "strips": ((0.0, 0.5), (0.44, 1.0)),  # eyes; mouth
            },
            "identity_encoder": {"kind": "compact", "widths": (24, 48, 64), "outputs": 48, "map_size": 4},
            "appearance_encoder": {
                "widths": (16, 32),
                "depth": 4,
                "channels": 24,
                "blocks_3d": 1,
                "stem_stride": 2,
            },
            "warp": {"size": (4, 32, 32), "seed": (4, 4), "widths": (48, 48, 32, 16), "reach": 0.5, "linear": True},
            "refiner": {"down": (16, 24), "up": (24, 16)},
            "renderer": {
                "width": 64,
                "blocks": 2,
                "ups": (32,),
                "final_block": 2,
                "modulated": True,
                "warped_source": True,
            },
        }
    )

    config.data = ConfigDict(
        {
            "clips": "data/heads",
            "drivers": 4,  # frames of each person in a step
            "candidates": 3,  # of which each is the one least like the source
            "source_yaw_degrees": 20.0,
            "threads": 1,
            "ahead": 2,
            "workers": 0,
        }
    )
    config.encoders = ConfigDict(
        {"share": 0.14, "batch_size": 16, "frames": 3, "learning_rate": 2e-3, "ema": 0.99}  # of the budget, at first
    )
    config.losses = ConfigDict(  # see training/face.py: Weights
        {
            "l1": 1.0,
            "multiscale": 0.5,
            "gradient": 1.0,
            "perceptual": 0.15,
            "gaze": 0.1,
            "adversarial": 0.03,
            "feature_matching": 0.5,
            "cycle": 0.02,
            "consistency": 0.2,
            "cross_identity": 0.5,
            "canonical": 0.05,
            "pose": 2.0,
            "expression": 0.4,
            "dynamics": 2e-4,
            "mouth": 6.0,
            "eyes": 4.5,
        }
    )
    late = ("gaze", "adversarial", "feature_matching", "cycle", "consistency", "cross_identity", "canonical")
    config.starts = ConfigDict(dict.fromkeys(late, 0.5))  # shares of the budget; the others begin at once
    config.noise = ConfigDict({"colour": 1.0, "placement": 1.0, "pose": 1.0, "latent": 0.02, "estimated_pose": 0.6})
    config.judges = ConfigDict(  # files, see training/face_judges.py
        {"perceptual": "", "perceptual_levels": 1, "identity": "", "gaze": "shipped"}
    )
    config.critic = ConfigDict({"widths": (32, 64, 96), "scales": 2, "learning_rate": 5e-4})
    config.precision = ConfigDict({"compute": "float32", "keep": "all"})
    config.accumulate = 1  # parts of a batch taken one after the other
    config.resolutions = ()  # (share of the budget, pixels, batch size) in order; the model's own size without any
    config.init_from = ""  # a run or released weights to begin with
    config.optimiser = ConfigDict(
        {
            "learning_rate": 1.5e-3,
            "b1": 0.9,
            "b2": 0.99,
            "weight_decay": 1e-4,
            "clip": 1.0,
            "warmup": 100,
            "final": 0.02,
            "ema": 0.995,
        }
    )
    config.loop = ConfigDict({"fsdp": 1, "log_every": 20, "report_every": 300, "save_every": 300})
    return config
