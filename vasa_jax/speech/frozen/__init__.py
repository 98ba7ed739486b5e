"""Speech encoders that others trained, frozen here: Wav2Vec2 (HuBERT has its layers) and Whisper's encoder.

Networks are in `wav2vec2` and `whisper`, apart from how they become a SpeechEncoder of clips of any length
(`wav2vec2_encoder`, `whisper_encoder`) and from how their files are read (`read`). The package ships none of their
weights: `python -m vasa_jax.speech.convert` makes an ear of the user's own.
"""

from vasa_jax.speech.frozen.wav2vec2_encoder import Wav2Vec2SpeechEncoder
from vasa_jax.speech.frozen.whisper_encoder import WhisperSpeechEncoder

__all__ = ["Wav2Vec2SpeechEncoder", "WhisperSpeechEncoder"]
