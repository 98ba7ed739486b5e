"""Voices of programs that may be installed: flite (English) and espeak-ng (other languages); both tell their phones."""

import ctypes
from ctypes.util import find_library

import numpy as np
import soxr

from vasa_jax.data.synthetic.speech_sources import flite
from vasa_jax.errors import UserError
from vasa_jax.evaluation.voices.speech import Speech
from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME

TEXTS = {
    "en": "My mother bought a big brown bag of apples. Maybe Bob will come home before the summer, people say.",
    "de": "Meine Mutter backt am Abend braunes Brot. Bald kommt Paul mit beiden Buben aus dem Park zum Baum.",
    "fr": "Ma mère prépare un bon repas pour Paul. Beaucoup de bateaux blancs passent sous le pont du port.",
    "es": "Mi madre compra pan blanco por la mañana. Pablo baila muy bien y habla mucho con su primo.",
    "it": "La mamma prepara un piatto di pasta per il bambino. Paolo beve un bicchiere di vino bianco.",
    "pl": "Mama kupiła ciepły chleb i białe mleko. Paweł bardzo lubi biegać po parku.",
    "tr": "Babam sabah pazardan beyaz peynir alır. Bu büyük bahçede birçok meyve ağacı bulunur.",
    "cmn": "妈妈明天买苹果和面包。爸爸在北边的门旁边跑步。",
}
CLOSED = {"p": "P", "b": "B", "m": "M"}
VOWEL_SIGNS, PAUSE_SIGN = "aeiouyAEIOUVQWY@&3", "_"
# Numbers of speak_lib.h. Only its synchronous output calls back from our own thread, and never after the call returned.
PHONEME, END = 7, 0  # kinds of events
SYNCHRONOUS, TELL_PHONEMES, BY_CHARACTER, UTF8 = 2, 1, 1, 1


def flite_voice(voice: str) -> Speech:
    """A flite voice says the English text.

    Raises:
      UserError: flite or the voice is not installed.
    """
    audio, phones = flite(TEXTS["en"], voice)
    return Speech(f"flite {voice}", _whole_frames(audio), tuple(phones))


def espeak_voice(language: str) -> Speech:
    """espeak-ng says the text of TEXTS in a language; its phonemes as P, B, M, AA for any vowel, T for the rest.

    Raises:
      UserError: the library is not installed, or it does not know the language.
    """
    if language not in TEXTS:
        raise UserError(f"there is no text in {language!r}; there are {', '.join(TEXTS)}")
    audio, rate, events = _synthesize(language, TEXTS[language])
    audio = soxr.resample(audio.astype(np.float32) / 32768, rate, SAMPLE_RATE)
    ends = [start for _, start in events[1:]] + [len(audio) / SAMPLE_RATE]
    phones = [(_label(sign), start, end) for (sign, start), end in zip(events, ends, strict=True) if end > start]
    return Speech(f"espeak-ng {language}", _whole_frames(audio), tuple(phones))


def _label(sign: str) -> str:
    """From espeak's ASCII signs; a stress mark comes before."""
    sign = sign.lstrip("',%=")
    if sign[:1] in CLOSED:
        return CLOSED[sign[0]]
    if not sign or sign.startswith(PAUSE_SIGN):
        return "SIL"
    return "AA" if sign[0] in VOWEL_SIGNS else "T"


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h; `milliseconds` is its audio_position."""

    _fields_ = [
        ("kind", ctypes.c_int), ("unique", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("id", _Id),
    ]  # fmt: skip


def _synthesize(language: str, text: str) -> tuple[np.ndarray, int, list[tuple[str, float]]]:
    """int16 samples, their rate, and (sign, start in seconds) of each phoneme."""
    name = find_library("espeak-ng")
    if name is None:
        raise UserError("languages need espeak-ng: install the Debian package of that name")
    library = ctypes.CDLL(name)
    samples, events = [], []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
    def take(wave, count, told):
        if wave and count:
            samples.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while told[index].kind != END:
            if told[index].kind == PHONEME:
                events.append((told[index].id.string.decode(errors="replace"), told[index].milliseconds / 1000))
            index += 1
        return 0

    rate = library.espeak_Initialize(SYNCHRONOUS, 0, None, TELL_PHONEMES)
    library.espeak_SetSynthCallback(take)
    spoken = text.encode() + b"\0"
    if rate <= 0 or library.espeak_SetVoiceByName(language.encode()):
        raise UserError(f"espeak-ng cannot speak {language!r}")
    library.espeak_Synth(spoken, len(spoken), 0, BY_CHARACTER, 0, UTF8, None, None)
    if not samples or not events:
        raise UserError(f"espeak-ng says nothing in {language!r}")
    return np.concatenate(samples), rate, events


def _whole_frames(audio: np.ndarray) -> np.ndarray:
    return np.pad(audio, (0, -len(audio) % SAMPLES_PER_FRAME)).astype(np.float32)
