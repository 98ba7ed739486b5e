"""Run by test_aot.py in a process without checks of shapes, which JAX's own placeholders for arguments do not pass:
the bills of a toy's step on four chips, compiled and only planned, as JSON, a line each."""

import dataclasses
import json

from ml_collections import ConfigDict
from toys import FACE

from configs import face_tiny
from vasa_jax.training import aot, mesh

PER_CHIP = 4


def toy_config():
    """The losses of the critic and of labels on the smallest model; none through a judge, so that it compiles soon."""
    config = face_tiny.get_config()
    config.model = ConfigDict(FACE)
    config.critic.widths, config.critic.scales = (8, 8), 1
    config.encoders.share, config.data.drivers, config.loop.fsdp = 0.0, 1, 2
    for name in config.starts:
        config.starts[name] = 0.0
    for name in ("perceptual", "gaze", "cycle", "consistency", "cross_identity", "canonical"):
        config.losses[name] = 0.0
    return config


if __name__ in ("__main__", "__mp_main__"):  # the process that plans imports this file
    mesh.SMALLEST_SHARDED = 64
if __name__ == "__main__":
    for code in (False, True):
        found = aot.face_bill(toy_config(), "v5e:2x2", per_chip=PER_CHIP, code=code)
        print(json.dumps(dataclasses.asdict(found) | {"peak": found.peak, "text": str(found)}))
