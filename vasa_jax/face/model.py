"""The face latent model of VASA-1, section 3.1: four encoders, two warps each way, the refiner, the renderer.

    image --pose, dynamics--> Motion [z_pose, z_dyn]
    image --appearance--> posed volume --source warp--> canonical volume --refiner--> V_app;  image --identity--> z_id
    V_app --driver warp (z_pose, z_dyn, z_id)--> posed volume --renderer--> image
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vasa_jax.face.appearance import AppearanceEncoder
from vasa_jax.face.encoders import CompactEncoder, ResNet
from vasa_jax.face.refiner import CanonicalRefiner
from vasa_jax.face.renderer import Renderer
from vasa_jax.face.surface import crop, unroll
from vasa_jax.face.warp import WarpGenerator, to_canonical, to_driver
from vasa_jax.types import Appearance, Framing, HeadPose, Motion

ENCODERS: Mapping[str, type[nn.Module]] = {"resnet": ResNet, "compact": CompactEncoder}
VIEWS: Mapping[str, Callable] = {"crop": crop, "unrolled": unroll}


class FaceModel(nn.Module):
    """Joins the parts; each method is one arrow of the picture above. Images are (B, S, S, 3) in [-1, 1].

    Images in bfloat16 make the networks compute in bfloat16; motion, coordinates and drawn images are float32 always.

    Attributes:
      image_size: S.
      pose_encoder, dynamics_encoder, identity_encoder, appearance_encoder, source_warp, driver_warp, refiner, renderer:
        the networks.
      view: what the dynamics encoder looks at, "crop" or "unrolled" (see surface.py); `view_size` its side.
      fused_warps: the rigid and the generated warp in one sampling (see warp.py).
      label_count: size of the linear read-out of labels from z_dyn, which training alone uses.
    """

    image_size: int
    pose_encoder: nn.Module
    dynamics_encoder: nn.Module
    identity_encoder: nn.Module
    appearance_encoder: AppearanceEncoder
    source_warp: WarpGenerator
    driver_warp: WarpGenerator
    refiner: CanonicalRefiner
    renderer: Renderer
    view: str = "crop"
    view_size: int = 224
    fused_warps: bool = False
    label_count: int = 57

    def setup(self):
        self.label_readout = nn.Dense(self.label_count)

    @property
    def dynamics_size(self) -> int:
        """Z, the size of z_dyn."""
        return self.dynamics_encoder.outputs

    @property
    def framing(self) -> Framing:
        """The canonical one, which its training frames have."""
        return Framing()

    @property
    def additive(self) -> bool:
        """Dynamics hold no identity: they are taken as they are."""
        return False

    def pose(self, image: Float[Array, "b s s 3"]) -> HeadPose:
        """z_pose. The raw code is an offset from the upright head at the reference distance; depth is not observable
        under weak perspective, so the translation's z is zero."""
        raw = self.pose_encoder(image).astype(jnp.float32)
        translation = raw[:, 3:6] * jnp.array([1.0, 1.0, 0.0])
        return HeadPose(raw[:, :3], translation, jnp.exp(jnp.clip(raw[:, 6:7], -1.5, 1.5)))

    def motion(self, image: Float[Array, "b s s 3"], seen_pose: HeadPose | None = None) -> Motion:
        """z_pose and z_dyn of an image.

        Args:
          image: the image.
          seen_pose: pose that places the dynamics encoder's view; the estimate (without its gradient) if None.
        """
        pose = self.pose(image)
        return Motion(pose, self.dynamics(image, jax.lax.stop_gradient(pose) if seen_pose is None else seen_pose))

    def dynamics(self, image: Float[Array, "b s s 3"], seen_pose: HeadPose) -> Float[Array, "b z"]:
        """z_dyn of an image, seen as `seen_pose` places it."""
        view = VIEWS[self.view](image, seen_pose, self.view_size)
        return self.dynamics_encoder(view).astype(jnp.float32)

    def appearance(self, image: Float[Array, "b s s 3"], motion: Motion) -> Appearance:
        """V_app and z_id of a portrait whose own motion is known."""
        posed, features = self.appearance_encoder(image)
        identity = self.identity_encoder(image)
        deformation = self.source_warp(motion.dynamics, identity)
        canonical, seen_at = to_canonical(posed, deformation, motion.pose, self.fused_warps)
        volume = self.refiner(canonical)
        if not self.renderer.warped_source:
            return Appearance(volume, identity)
        volume = jnp.concatenate([volume, seen_at[..., :2]], -1)  # float32, as coordinates must be
        return Appearance(volume, identity, (image, features))

    def decode(self, appearance: Appearance, motion: Motion) -> Float[Array, "b s s 3"]:
        """D(V_app, z_id, z_pose, z_dyn): the person of `appearance` moving as `motion` says."""
        deformation = self.driver_warp(motion.dynamics, appearance.identity)
        volume, shown = to_driver(appearance.volume, deformation, motion.pose, self.fused_warps)
        return self.renderer(volume, shown, motion.vector, appearance.source)

    def encode(self, image: Float[Array, "b s s 3"]) -> tuple[Appearance, Motion]:
        """All that a portrait gives: what stays, and what will be replaced."""
        motion = self.motion(image)
        return self.appearance(image, motion), motion

    def read_labels(self, dynamics: Float[Array, "b z"]) -> dict[str, Array]:
        """Expression coefficients (B, label_count) read linearly from z_dyn."""
        return {"expression": self.label_readout(dynamics)}

    def __call__(self, source: Float[Array, "b s s 3"], driver: Float[Array, "b s s 3"]) -> Float[Array, "b s s 3"]:
        """The source moving like the driver; runs every part."""
        appearance, _ = self.encode(source)
        motion = self.motion(driver)
        self.read_labels(motion.dynamics)
        return self.decode(appearance, motion)


def build_face(config: Mapping[str, Any]) -> FaceModel:
    """The model from plain numbers: one mapping for each part, named like the field that it fills.

    An encoder's mapping names its `kind`, one of ENCODERS. `source_warp` and `driver_warp` share `warp`.
    """
    fields = {key: value for key, value in config.items() if not isinstance(value, Mapping)}
    encoders = {name: _encoder(config[name]) for name in ("pose_encoder", "dynamics_encoder", "identity_encoder")}
    return FaceModel(
        **fields,
        **encoders,
        appearance_encoder=AppearanceEncoder(**_fields(config["appearance_encoder"])),
        source_warp=WarpGenerator(**_fields(config["warp"])),
        driver_warp=WarpGenerator(**_fields(config["warp"])),
        refiner=CanonicalRefiner(**_fields(config["refiner"])),
        renderer=Renderer(**_fields(config["renderer"])),
    )


def _encoder(config: Mapping[str, Any]) -> nn.Module:
    fields = _fields(config)
    return ENCODERS[fields.pop("kind")](**fields)


def _fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """Sequences as tuples, so that modules can be hashed and compared."""
    return {key: _frozen(value) for key, value in config.items()}


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list | tuple) else value
