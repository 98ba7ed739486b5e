"""Speech to be heard, with what is known of it: phones, and how far the lips of whoever says it are open."""

import dataclasses
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vasa_jax.data import clips
from vasa_jax.errors import UserError
from vasa_jax.evaluation.voices.alignment import Phone, align
from vasa_jax.inference.speech_file import model_audio, read_speech

SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3")


@dataclasses.dataclass(frozen=True)
class Speech:
    """T frames of somebody speaking.

    Attributes:
      name: of the recording.
      audio: (640 T,) in [-1, 1] at 16 kHz.
      phones: (ARPAbet label, start, end in seconds) in order; None where they are not known.
      lip_opening: (T,) true inner-lip gap over inter-ocular distance; None where nobody was seen.
    """

    name: str
    audio: Float[np.ndarray, " samples"]
    phones: tuple[Phone, ...] | None = None
    lip_opening: Float[np.ndarray, " time"] | None = None


def read_folder(folder: str | Path) -> list[Speech]:
    """All sound files of a folder, by name, with NAME.json (phones, [[label, start s, end s], ...]) or NAME.txt (what
    is said in English, which is then aligned) beside them; without either the phones are not known.

    Raises:
      UserError: no sound file; a file that cannot be read or aligned.
    """
    paths = sorted(path for path in Path(folder).glob("*") if path.suffix.lower() in SOUNDS)
    if not paths:
        raise UserError(f"no sound files in {folder}; give a folder of {', '.join(SOUNDS)}")
    found = []
    for path in paths:
        audio = model_audio(*read_speech(path))
        found.append(Speech(path.stem, audio, _phones(path, audio)))
    return found


def read_clips(folder: str | Path, split: str, count: int | None = None) -> Iterator[Speech]:
    """The first `count` talks of a clip set, with their true lips.

    Raises:
      UserError: no such clip set or split.
    """
    source = clips.open_clips(folder, split)
    for record in itertools.islice(filter(clips.is_talk, source), count):
        times = zip(*(np.asarray(record["phones"][edge]).tolist() for edge in ("start", "end")), strict=True)
        labels = map(clips.text, record["phones"]["label"])
        phones = tuple((label, start, end) for label, (start, end) in zip(labels, times, strict=True))
        audio, lips = (np.asarray(record[name], np.float32) for name in ("audio", "lip_opening"))
        yield Speech(clips.text(record["clip"]), audio, phones, lips)


def _phones(path: Path, audio: np.ndarray) -> tuple[Phone, ...] | None:
    known, text = path.with_suffix(".json"), path.with_suffix(".txt")
    if known.is_file():
        try:
            return tuple((str(label), float(start), float(end)) for label, start, end in json.loads(known.read_text()))
        except (ValueError, TypeError) as error:
            raise UserError(f"not a list of [label, start, end]: {known}") from error
    if text.is_file():
        try:
            return tuple(align(audio, text.read_text()))
        except UserError as error:
            raise UserError(f"{error}: {text}") from error
    return None
