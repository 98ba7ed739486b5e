"""Stage 1, the face latent space: images to appearance and motion, and back."""

from vasa_jax.face.interface import Face, KeypointFace
from vasa_jax.face.model import FaceModel, build_face

__all__ = ["Face", "FaceModel", "KeypointFace", "build_face"]
