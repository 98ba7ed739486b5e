"""LivePortrait (arXiv 2407.03168): a face from an appearance volume and 21 implicit 3D keypoints.

Batch norms and spectral norms are folded into the convolutions when the published files are converted, and channels
that the published layout keeps as (channel, depth) or (channel, sub-pixel) are put in the order of `vasa_jax.layers`.
"""

from vasa_jax.open_weights.liveportrait.model import LivePortrait, build_liveportrait

__all__ = ["LivePortrait", "build_liveportrait"]
