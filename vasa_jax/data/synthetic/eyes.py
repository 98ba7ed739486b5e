"""Eyeballs: where they are in a person's head, and the rotation that makes them look somewhere."""

import numpy as np
from jaxtyping import Float

from vasa_jax.data.synthetic import anatomy


def rotation(yaw: float, pitch: float, roll: float) -> Float[np.ndarray, "3 3"]:
    """Rz(roll) Ry(yaw) Rx(pitch): yaw turns z to +x, positive pitch turns it down, roll counter-clockwise."""
    cy, cp, cr = np.cos([yaw, pitch, roll])
    sy, sp, sr = np.sin([yaw, pitch, roll])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return about_z @ about_y @ about_x


def direction(gaze: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 3"]:
    """Yaw and pitch (up positive), radians, to unit vectors."""
    yaw, pitch = gaze[..., 0], gaze[..., 1]
    return np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], -1)


def angles(vector: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
    """The inverse of `direction`."""
    x, y, z = np.moveaxis(vector, -1, 0)
    return np.stack([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))], -1)


def eye_in_head(gaze: Float[np.ndarray, "2"], head: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "2"]:
    """Gaze in the camera's frame and a head rotation, to yaw and pitch of the eyes in the head's frame."""
    return angles(head.T @ direction(gaze))


def in_camera(eye: Float[np.ndarray, "2"], head: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "2"]:
    """The inverse of `eye_in_head`: gaze, that is head rotation plus eye-in-head."""
    return angles(head @ direction(eye))


class Eyes:
    """The two eyeballs of one person."""

    def __init__(self, model, person):
        self.parts = [np.nonzero(model.within(part))[0] for part in (anatomy.LEFT_EYE, anatomy.RIGHT_EYE)]
        shift = [person[part].mean(0) - model.vertices[part].mean(0) for part in self.parts]
        self.centres = (anatomy.EYE_CENTRES + np.stack(shift)).astype(np.float32)

    def turn(self, vertices, normals, rest, rest_normals, eye):
        """Writes eyeballs that look along `eye` (2,) in the head's frame into vertices and normals (N, 3)."""
        turned = rotation(eye[0], -eye[1], 0.0).astype(np.float32)
        for part, centre in zip(self.parts, self.centres, strict=True):
            vertices[part] = (rest[part] - centre) @ turned.T + centre
            normals[part] = rest_normals[part] @ turned.T
