"""Stage 1 at the sizes of VASA-1 and MegaPortraits: 512x512, 194M parameters, none of the small sizes' options.

    python train.py --config=configs/face_paper.py --workdir=runs/face_paper --config.data.clips=CLIPS_512 \\
        --config.judges.perceptual=VGG19.pth --config.judges.identity=ARCFACE.pth

What a step costs on a pod: `--aot_topology=v5e:16x16`, see docs/scale.md. Losses, their weights, the schedule of
resolutions (200K steps at 256 pixels, 300K at 512) and the optimiser are MegaPortraits' (arXiv 2207.07572, section 4);
l_consist and l_cross_id are VASA-1's. VASA-1 was trained for 7 days on 4 A6000 on videos of about 9,500 people; nobody
has trained this config yet.
"""

from ml_collections import ConfigDict

from configs import face_tiny


def get_config() -> ConfigDict:
    config = face_tiny.get_config()
    config.minutes, config.steps = 0.0, 500_000
    config.batch_size = 16
    config.data.clips = "data/clips_512"
    config.data.drivers = 1
    config.data.threads = 16
    config.encoders.share = 0.0  # all parts from the start, as the paper
    config.model = ConfigDict(
        {
            "image_size": 512,
            "view": "crop",
            "view_size": 224,
            "fused_warps": False,
            "pose_encoder": {"kind": "resnet", "stages": (2, 2, 2, 2), "outputs": 7},
            "dynamics_encoder": {"kind": "resnet", "stages": (2, 2, 2, 2), "outputs": 128},
            "identity_encoder": {
                "kind": "resnet",
                "stages": (3, 4, 6, 3),
                "bottleneck": True,
                "outputs": 512,
                "map_size": 4,
            },
            "appearance_encoder": {"widths": (64, 128, 256, 512), "depth": 16, "channels": 96, "blocks_3d": 6},
            "warp": {"size": (16, 64, 64), "seed": (4, 4), "widths": (512, 256, 128, 64, 32)},
            "refiner": {"down": (192, 384, 512, 512), "up": (512, 384, 196, 96)},
            "renderer": {"width": 512, "blocks": 8, "ups": (256, 128, 64)},
        }
    )
    config.losses.update(  # MegaPortraits, section 3.2; its perceptual 20 is for features that are not relative
        {
            "multiscale": 0.0,
            "gradient": 0.0,
            "perceptual": 2.0,
            "gaze": 5.0,
            "adversarial": 1.0,
            "feature_matching": 40.0,
            "cycle": 2.0,
            "consistency": 1.0,
            "cross_identity": 1.0,
            "canonical": 0.5,
            "mouth": 0.0,
            "eyes": 0.0,
        }
    )
    for name in config.starts:
        config.starts[name] = 0.0
    config.judges.perceptual_levels = 3
    config.critic = ConfigDict({"widths": (64, 128, 256, 512), "scales": 2, "learning_rate": 2e-4})
    config.precision = ConfigDict({"compute": "bfloat16", "keep": "blocks"})
    config.resolutions = ((0.0, 256, 24), (0.4, 512, 16))  # 200K and 300K steps
    config.optimiser.learning_rate = 2e-4
    config.optimiser.b1, config.optimiser.b2 = 0.5, 0.999
    config.optimiser.weight_decay = 1e-2
    config.optimiser.final = 0.005
    return config
