"""LivePortrait as a face model: the methods and the picture are those of `vasa_jax.face.model.FaceModel`.

image --M--> Motion [pose, expression] and canonical keypoints;  image --F--> volume, once a portrait
keypoints, Motion --placed, stitched--> driving keypoints;  volume --W--> features --G--> image
"""

import functools
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.layers import halve
from vasa_jax.open_weights.liveportrait.appearance import AppearanceExtractor
from vasa_jax.open_weights.liveportrait.gaze import look_offset
from vasa_jax.open_weights.liveportrait.generator import Generator
from vasa_jax.open_weights.liveportrait.keypoints import EXPRESSION_SIZE, place, to_motion
from vasa_jax.open_weights.liveportrait.reader import MotionExtractor, Reading
from vasa_jax.open_weights.liveportrait.sampling import with_zeros_around
from vasa_jax.open_weights.liveportrait.stitching import EYES, LIPS, Retargeting, Stitching
from vasa_jax.open_weights.liveportrait.warp import Compressor, WarpingModule
from vasa_jax.platforms import on_platform
from vasa_jax.types import Appearance, Framing, Leaf, Motion

# LivePortrait's crop (the box around jaw, brows and all between, squared, times 2.3, its centre 1/8 of that higher)
# over the canonical square: means over 200 rendered heads at rest, standard deviations 0.08 and 0.01.
FRAMING = Framing(1.56, (0.0, -0.173))


@flax.struct.dataclass
class KeypointAppearance(Appearance):
    """What a portrait keeps, as LivePortrait has it.

    Attributes:
      volume: (B, D + 2, H + 2, W + 2, C) appearance volume, not turned to a canonical pose, with zeros around it.
      identity: (B, 21, 3) canonical keypoints.
      placed: (B, 21, 3) the portrait's keypoints where they are.
      compressed: (B, D, H, W, E) the volume as the warping module's hourglass looks at it.
      opened: (B, 21, 3) offset of driving keypoints that opens eyes and lips; zeros unless `retarget` set it.
    """

    placed: Leaf = None
    compressed: Leaf = None
    opened: Leaf = None


class LivePortrait(nn.Module):
    """Joins the five networks. Images are (B, S, S, 3) in [-1, 1]; the networks see them at half the size.

    The appearance keeps where the portrait's keypoints are, since W warps the portrait as it is and not a canonical
    face. Dynamics are the 63 numbers of the expression, and `spare` more that are not looked at.

    Attributes:
      image_size: S.
      spare: numbers at the end of the dynamics without a meaning; JoyVASA's motion vector has six.
      stitched: whether driving keypoints go through the stitching network.
    """

    image_size: int
    appearance_extractor: AppearanceExtractor
    motion_extractor: MotionExtractor
    compressor: Compressor
    warping: WarpingModule
    generator: Generator
    spare: int = 0
    stitched: bool = True

    def setup(self):
        self.stitching = Stitching()
        self.lip_retargeting = Retargeting(LIPS)
        self.eye_retargeting = Retargeting(EYES)

    @property
    def dynamics_size(self) -> int:
        """Z, the size of z_dyn."""
        return EXPRESSION_SIZE + self.spare

    @property
    def framing(self) -> Framing:
        """LivePortrait's crop as a mean over heads; `tests/open_weights/test_framing.py` measures it."""
        return FRAMING

    @property
    def additive(self) -> bool:
        """The expression is an offset of keypoints, which holds the person's own face at rest: changes carry over."""
        return True

    def motion(self, image: Float[Array, "b s s 3"]) -> Motion:
        """Pose and expression of an image."""
        return to_motion(self._read(image), self.spare)

    def encode(self, image: Float[Array, "b s s 3"]) -> tuple[KeypointAppearance, Motion]:
        """All that a portrait gives: what stays, and what will be replaced."""
        reading = self._read(image)
        motion = to_motion(reading, self.spare)
        volume = self.appearance_extractor(_small(image))
        placed = place(reading.keypoints, motion)
        appearance = KeypointAppearance(
            with_zeros_around(volume),
            reading.keypoints,
            placed=placed,
            compressed=self.compressor(volume),
            opened=jnp.zeros_like(placed),
        )
        return appearance, motion

    def _read(self, image: Float[Array, "b s s 3"]) -> Reading:
        """In float32, whatever the other networks compute in: by how much rounding moves a keypoint would be seen."""
        return self.motion_extractor(_small(image.astype(jnp.float32)))

    def decode(self, appearance: KeypointAppearance, motion: Motion) -> Float[Array, "b s s 3"]:
        """The person of `appearance` moving as `motion` says; on a single CPU one frame after the other.

        There, all at once would need 0.75 GB a frame at the published sizes.
        """
        if self.is_initializing():
            return self.draw(appearance, motion)
        draw = functools.partial(self.clone(parent=None).apply, {"params": self.variables["params"]}, method="draw")

        def one(place: tuple[KeypointAppearance, Motion]) -> Array:
            return draw(*jax.tree.map(lambda leaf: leaf[None], place))[0]

        return on_platform(draw, lambda *both: jax.lax.map(one, both), appearance, motion)

    def draw(self, appearance: KeypointAppearance, motion: Motion) -> Float[Array, "b s s 3"]:
        """See `decode`; all frames at once."""
        driving = place(appearance.identity, motion) + appearance.opened
        if self.stitched:
            driving = self.stitching(appearance.placed, driving)
        warped = self.warping(appearance.volume, appearance.compressed, appearance.placed, driving)
        return 2 * self.generator(warped.features) - 1

    def retarget(
        self,
        appearance: KeypointAppearance,
        eyes: Float[Array, "b 3"] | None = None,
        lips: Float[Array, "b 2"] | None = None,
    ) -> KeypointAppearance:
        """A portrait whose eyes and lips are opened, or closed, in every motion.

        Args:
          eyes: height over width of the portrait's two eyes and the goal for both; None as the motion has them.
          lips: the same of its lips.
        """
        opened = jnp.zeros_like(appearance.placed)
        if eyes is not None:
            opened = opened + self.eye_retargeting(appearance.placed, eyes)
        if lips is not None:
            opened = opened + self.lip_retargeting(appearance.placed, lips)
        return appearance.replace(opened=opened)

    def look(self, dynamics: Float[Array, "b z"], look: Float[Array, "2"]) -> Float[Array, "b z"]:
        """Dynamics with the eyes turned on, to the image's right and up, -1 to 1 each; see gaze.py."""
        return dynamics + jnp.pad(look_offset(look), (0, self.spare))

    def __call__(self, source: Float[Array, "b s s 3"], driver: Float[Array, "b s s 3"]) -> Float[Array, "b s s 3"]:
        """The source moving like the driver; runs every part."""
        appearance, _ = self.encode(source)
        ratios = jnp.ones((source.shape[0], 3))
        self.retarget(appearance, ratios, ratios[:, :2])
        self.stitching(appearance.placed, appearance.placed)
        return self.decode(appearance, self.motion(driver))


def build_liveportrait(config: Mapping[str, Any]) -> LivePortrait:
    """The model from plain numbers: one mapping for each part, named like the field that it fills; absent parts have
    the published sizes."""
    fields = {key: value for key, value in config.items() if not isinstance(value, Mapping)}
    return LivePortrait(**fields, **{name: part(**_frozen(config.get(name, {}))) for name, part in PARTS.items()})


PARTS = {
    "appearance_extractor": AppearanceExtractor,
    "motion_extractor": MotionExtractor,
    "compressor": Compressor,
    "warping": WarpingModule,
    "generator": Generator,
}


def _frozen(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Sequences as tuples, so that modules can be hashed and compared."""
    return {name: tuple(value) if isinstance(value, list | tuple) else value for name, value in fields.items()}


def _small(image: Array) -> Float[Array, "b s s 3"]:
    """[-1, 1] to [0, 1] at half the size."""
    return halve((image + 1) / 2)
