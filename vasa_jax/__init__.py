"""VASA-1 in JAX: one portrait and a speech clip become a video of that person speaking.

    animator = vasa_jax.load()
    video = animator.animate(portrait, speech, sample_rate, gaze=(10, 0))
    video.save("talking.mp4")

Names are resolved on first use, so that `import vasa_jax` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["Animator", "Video", "__version__", "load", "warmup"]

_HOMES = {
    "Animator": "vasa_jax.inference.animator",
    "Video": "vasa_jax.inference.video",
    "load": "vasa_jax.inference.loading",
    "warmup": "vasa_jax.inference.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
