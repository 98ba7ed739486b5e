"""The frozen networks of stage 1's losses, from the files that the config names."""

from collections.abc import Callable
from pathlib import Path

from ml_collections import ConfigDict

from vasa_jax.training.face_terms import Judges


def load_judges(files: ConfigDict) -> Judges:
    """The networks that are named; None for an empty name.

    Args:
      files: perceptual: an EfficientNet-Lite0 (.npz) or torchvision's VGG19 (.pth); identity: dlib's network (a folder)
        or an ArcFace iResNet (a file); gaze: a gaze network, or "shipped" for the package's own.

    Raises:
      UserError: a file is missing or holds another network.
    """
    return Judges(
        perceptual=_perceptual(files.perceptual) if files.perceptual else None,
        identity=_identity(files.identity) if files.identity else None,
        gaze=_gaze(files.gaze) if files.gaze else None,
    )


def _perceptual(path: str) -> Callable:
    from vasa_jax import judges

    return (judges.load_perceptual if Path(path).suffix == ".npz" else judges.load_vgg19)(path)


def _identity(path: str) -> Callable:
    from vasa_jax import judges

    return (judges.load_arcface if Path(path).is_file() else judges.load_identity)(path)


def _gaze(path: str) -> Callable:
    from vasa_jax import judges

    return judges.load_gaze() if path == "shipped" else judges.load_gaze(path)
