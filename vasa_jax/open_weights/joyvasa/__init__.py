"""JoyVASA (arXiv 2411.09209): from speech to LivePortrait's motion by a diffusion transformer."""

from vasa_jax.open_weights.joyvasa.hearing import JoySpeechEncoder, build_joy_speech
from vasa_jax.open_weights.joyvasa.model import JoyMotion, build_joy_motion

__all__ = ["JoyMotion", "JoySpeechEncoder", "build_joy_motion", "build_joy_speech"]
