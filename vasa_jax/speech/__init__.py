"""The ear: speech to features at the frame rate, by one of several encoders behind one interface."""

from vasa_jax.speech.build import build_speech
from vasa_jax.speech.interface import SpeechEncoder
from vasa_jax.speech.phones import PHONES, phone_targets
from vasa_jax.speech.streaming import StreamingSpeechEncoder

__all__ = ["PHONES", "SpeechEncoder", "StreamingSpeechEncoder", "build_speech", "phone_targets"]
