"""Phones of known English words in a recording, by PocketSphinx' forced alignment."""

import re

import numpy as np
from jaxtyping import Float

from vasa_jax.errors import UserError

Phone = tuple[str, float, float]
RATE = 100  # frames a second of the aligner
NOISES = "+"  # labels of noises begin so


def align(audio: Float[np.ndarray, " samples"], text: str) -> list[Phone]:
    """(ARPAbet label, start, end in seconds) of the words in audio at 16 kHz; pauses and noises are SIL.

    Good to some 30 ms. Words are looked up in the CMU dictionary; capitals and punctuation do not matter.

    Raises:
      UserError: the aligner is not installed, a word is unknown, or the words are not those of the recording.
    """
    try:
        import pocketsphinx
    except ImportError:
        raise UserError("alignment needs pocketsphinx: pip install 'vasa-jax[eval]'") from None
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    words = re.findall(r"[a-z']+", text.lower())
    if not words:
        raise UserError("there are no words to align")
    for word in words:
        if decoder.lookup_word(word) is None:
            raise UserError(f"the word {word!r} is in no dictionary: spell it otherwise, or give the phones as .json")
    samples = (np.clip(audio, -1, 1) * 32767).astype(np.int16).tobytes()
    try:
        decoder.set_align_text(" ".join(words))
        _hear(decoder, samples)
        decoder.set_alignment()
        _hear(decoder, samples)
        found = [phone for word in decoder.get_alignment() for phone in word]
    except (RuntimeError, TypeError) as error:  # a TypeError where there is no alignment to go through
        raise UserError("the words cannot be found in the recording") from error
    return [
        ("SIL" if phone.name.startswith(NOISES) else phone.name, phone.start / RATE,
         (phone.start + phone.duration) / RATE)
        for phone in found
    ]  # fmt: skip


def _hear(decoder, samples: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
