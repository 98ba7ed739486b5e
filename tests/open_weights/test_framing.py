"""The square that LivePortrait is shown is its own crop, as a mean over heads."""

import numpy as np
import pytest

from vasa_jax.open_weights.liveportrait.model import FRAMING
from vasa_jax.types import Framing

SCALE, UP = 2.3, 0.125
EYES, MOUTH = slice(36, 48), slice(48, 68)


def published_crop(landmarks):
    """Centre and side of LivePortrait's square around iBUG landmarks (68, 2), y down."""
    up = landmarks[EYES].mean(0) - landmarks[MOUTH].mean(0)
    up /= np.linalg.norm(up)
    axes = np.stack([[-up[1], up[0]], up])
    seen = landmarks @ axes.T
    low, high = seen.min(0), seen.max(0)
    side = SCALE * (high - low).max()
    return (low + high) / 2 @ axes + UP * side * up, side


def test_the_crop_of_a_square_face():
    """Turning a face turns its crop; the crop is 2.3 times as wide as the face and 1/8 of that higher."""
    face = np.zeros((68, 2))
    face[0], face[1], face[MOUTH], face[EYES] = (-1, 0), (1, 0), (0, 1), (0, -1)
    centre, side = published_crop(face)
    np.testing.assert_allclose([*centre, side], [0, -2 * SCALE * UP, 2 * SCALE], atol=1e-9)
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    turned, same = published_crop(face @ quarter)
    np.testing.assert_allclose([*turned, same], [*centre @ quarter, side], atol=1e-9)


def test_a_framing_is_told_from_the_canonical_square():
    assert Framing().of((3.0, 4.0), 10.0) == ((3.0, 4.0), 10.0)
    assert Framing(1.5, (0.1, -0.2)).of((3.0, 4.0), 10.0) == ((4.0, 2.0), 15.0)


@pytest.mark.slow
def test_the_framing_is_the_mean_crop_of_rendered_heads(assets):
    """Heads of other people than those that were measured, at the reference distance, looking ahead."""
    pytest.importorskip("scipy")
    from vasa_jax.data.synthetic import anatomy, appearance, head_model

    model, rng = head_model.load(str(assets)), np.random.default_rng(0)
    found = []
    for _ in range(20):
        points = model.identity(appearance.draw(rng).shape)[model.landmarks] + anatomy.OFFSET
        seen = anatomy.ZOOM * points[:, :2] / (anatomy.CAMERA_DISTANCE - points[:, 2:])
        centre, side = published_crop(seen * [1, -1])
        found.append([*centre / 2, side / 2])
    x, y, side = np.mean(found, 0)
    np.testing.assert_allclose([x, y, side], [*FRAMING.shift, FRAMING.side], atol=0.05)
