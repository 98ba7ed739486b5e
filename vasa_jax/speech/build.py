"""The edge where a plain dict of numbers becomes a speech encoder."""

from collections.abc import Mapping
from typing import Any

from vasa_jax.speech.frozen import Wav2Vec2SpeechEncoder, WhisperSpeechEncoder
from vasa_jax.speech.interface import SpeechEncoder
from vasa_jax.speech.streaming import StreamingSpeechEncoder

KINDS = {
    "streaming": StreamingSpeechEncoder,
    "wav2vec2": Wav2Vec2SpeechEncoder,
    "whisper": WhisperSpeechEncoder,
}


def build_speech(config: Mapping[str, Any]) -> SpeechEncoder:
    """The encoder of `config["kind"]` ("streaming" if absent) whose fields are the other entries.

    Raises:
      ValueError: there is no such kind.
      TypeError: an entry is not a field of that kind.
    """
    fields = dict(config)
    kind = fields.pop("kind", "streaming")
    if kind not in KINDS:
        raise ValueError(f"no speech encoder is called {kind!r}; there are {', '.join(KINDS)}")
    # JSON has no tuples, and a module's fields must be hashable.
    return KINDS[kind](**{name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()})
