"""What every face model offers, so that the rest of the house need not know which one it has."""

from typing import Any, Protocol, runtime_checkable

from jax import Array
from jaxtyping import Float

from vasa_jax.types import Appearance, Framing, Motion


@runtime_checkable
class Face(Protocol):
    """A linen module from images (B, S, S, 3) in [-1, 1] to the latent space and back; see `FaceModel`'s methods.

    Attributes:
      image_size: S.
      dynamics_size: Z, the size of z_dyn.
      framing: the square around a head that it takes.
      additive: whether a change of dynamics means the same on another person, as an offset of keypoints does; a code
        that holds no identity is taken as it is.
    """

    image_size: int

    @property
    def dynamics_size(self) -> int: ...

    @property
    def framing(self) -> Framing: ...

    @property
    def additive(self) -> bool: ...

    def apply(self, variables: Any, *args: Any, **kwargs: Any) -> Any: ...

    def motion(self, image: Float[Array, "b s s 3"]) -> Motion: ...

    def encode(self, image: Float[Array, "b s s 3"]) -> tuple[Appearance, Motion]: ...

    def decode(self, appearance: Appearance, motion: Motion) -> Float[Array, "b s s 3"]: ...


@runtime_checkable
class KeypointFace(Face, Protocol):
    """A face model of keypoints, which can be moved one by one; see `open_weights.liveportrait.model.LivePortrait`."""

    def look(self, dynamics: Float[Array, "b z"], look: Float[Array, "2"]) -> Float[Array, "b z"]: ...

    def retarget(
        self, appearance: Appearance, eyes: Float[Array, "b 3"] | None, lips: Float[Array, "b 2"] | None
    ) -> Appearance: ...
