"""Speech with known phones: the recorded utterances of the assets, and Debian's `flite`, over the splits.

The voice `jf_nezumi` is heard in the test split only and blends that contain it nowhere. Validation has the
training voices but sentences of its own, and so has the test; flite speaks in training only.
"""

import dataclasses
import functools
import hashlib
import json
import pathlib
import re
import subprocess
import tempfile

import numpy as np
import soundfile
from jaxtyping import Float

from vasa_jax.errors import UserError
from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME

HELD_OUT_VOICE = "jf_nezumi"
VALIDATION_SHARE = 0.08
FLITE_VOICES = ("slt", "rms", "awb", "kal16")
FLITE_PHONES = {
    "pau": "SIL", "brth": "SIL", "h#": "SIL", "ax": "AH", "axr": "ER", "ix": "IH", "ux": "UW", "dx": "T",
    "el": "L", "en": "N", "em": "M", "nx": "N", "hv": "HH",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Utterance:
    """A stretch of speech, `start` to `end` of a file, s; phones (label, start, end) of the whole file."""

    name: str
    voice: str
    text: str
    phones: tuple[tuple[str, float, float], ...]
    start: float
    end: float
    path: str | None  # None: flite speaks the text


def sentences(text: str) -> list[str]:
    """Splits a text after ., ? and !"""
    return [part for part in re.split(r"(?<=[.?!])\s+", text.strip()) if part]


def utterances(assets: str, split: str, max_seconds: float) -> list[Utterance]:
    """Utterances of a split, cut into stretches of at most `max_seconds`, in the manifest's order.

    Raises:
      UserError: the manifest is not there.
    """
    chosen = [one for one in _manifest(assets) if _split_of(one, _held_out(assets)) == split]
    return [stretch for one in chosen for stretch in cut(one, max_seconds)]


@functools.lru_cache(maxsize=1)
def _manifest(assets):
    path = pathlib.Path(assets) / "speech" / "manifest.jsonl"
    if not path.is_file():
        raise UserError(f"{path} not found: name the folder that holds speech/ and ict_facekit/ by --assets")
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [_utterance(row, path.parent) for row in rows]


def _utterance(row, folder):
    """A line of the manifest."""
    return Utterance(
        name=pathlib.Path(row["file"]).stem,
        voice=row["voice"],
        text=row["text"],
        phones=tuple((label, float(start), float(end)) for label, start, end in row["phones"]),
        start=0.0,
        end=float(row["seconds"]),
        path=str(folder / row["file"]),
    )


@functools.lru_cache(maxsize=1)
def _held_out(assets):
    """(names of the validation utterances, sentences of the training utterances)."""
    known = [one for one in _manifest(assets) if HELD_OUT_VOICE not in one.voice]
    uses = {}
    for one in known:
        for sentence in sentences(one.text):
            uses.setdefault(sentence, set()).add(one.name)
    alone = [one for one in known if all(len(uses[sentence]) == 1 for sentence in sentences(one.text))]
    validation = {one.name for one in alone if _fraction(one.text) < VALIDATION_SHARE}
    training = {s for one in known if one.name not in validation for s in sentences(one.text)}
    return validation, training


def _fraction(text):
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def _split_of(utterance, held_out):
    validation, training = held_out
    if utterance.voice == HELD_OUT_VOICE:
        shared = any(sentence in training for sentence in sentences(utterance.text))
        return None if shared else "test"
    if HELD_OUT_VOICE in utterance.voice:
        return None
    return "validation" if utterance.name in validation else "train"


def cut(utterance: Utterance, max_seconds: float) -> list[Utterance]:
    """Cuts in the middle of the last silence that leaves at most `max_seconds`, else at a phone's end."""
    result, start = [], utterance.start
    while utterance.end - start > max_seconds:
        limit = start + max_seconds
        middles = [(a + b) / 2 for label, a, b in utterance.phones if label == "SIL"]
        silences = [middle for middle in middles if start + 1.5 < middle <= limit]
        ends = [b for _, _, b in utterance.phones if start + 0.5 < b <= limit]
        stop = (silences or ends or [limit])[-1]
        result.append((start, stop))
        start = stop
    if utterance.end - start >= 0.5 or not result:
        result.append((start, utterance.end))
    return [
        dataclasses.replace(utterance, name=f"{utterance.name}_{k}", start=a, end=b)
        for k, (a, b) in enumerate(result)
    ]


def flite_utterance(assets: str, number: int, rng) -> Utterance:
    """Utterance `number` for a flite voice: one or two training sentences."""
    texts = sorted(_held_out(assets)[1])
    picked = rng.choice(len(texts), 2, replace=False)
    text = " ".join(texts[k] for k in picked[: 1 if len(texts[picked[0]]) > 60 else 2])
    return Utterance(f"flite{number:05d}", f"flite_{FLITE_VOICES[number % 4]}", text, (), 0.0, 0.0, None)


def speak(utterance: Utterance, max_seconds: float) -> tuple[Float[np.ndarray, "samples"], list]:
    """The sound and phones of a stretch.

    Returns:
      audio (640 T,) float32 in [-1, 1] and [(label, start s, end s)] with times from the start of that audio.
    """
    if utterance.path is None:
        audio, phones = flite(utterance.text, utterance.voice.removeprefix("flite_"))
        whole = dataclasses.replace(utterance, phones=tuple(phones), end=len(audio) / SAMPLE_RATE)
        return _stretch(audio, cut(whole, max_seconds)[0])
    audio, rate = soundfile.read(utterance.path, dtype="float32")
    if rate != SAMPLE_RATE:
        raise UserError(f"{utterance.path} has {rate} Hz: the speech of the assets is {SAMPLE_RATE} Hz mono")
    return _stretch(audio, utterance)


def _stretch(audio, utterance):
    first = round(utterance.start * SAMPLE_RATE)
    audio = audio[first : round(utterance.end * SAMPLE_RATE)]
    audio = audio[: max(len(audio) // SAMPLES_PER_FRAME, 1) * SAMPLES_PER_FRAME]
    length = len(audio) / SAMPLE_RATE
    phones = [
        (label, max(a - utterance.start, 0.0), min(b - utterance.start, length))
        for label, a, b in utterance.phones
    ]
    return np.ascontiguousarray(audio), [phone for phone in phones if phone[2] - phone[1] > 1e-3]


def flite(text: str, voice: str) -> tuple[Float[np.ndarray, "samples"], list]:
    """Speaks a text with Debian's flite: audio at 16 kHz float32 and [(ARPAbet label, start s, end s)].

    Raises:
      UserError: flite is not installed.
    """
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        try:
            command = ["flite", "-voice", voice, "-psdur", "-t", text, "-o", file.name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            remedy = "install the Debian package flite, or lower --talk"
            raise UserError(f"flite does not run ({error}): {remedy}") from error
        audio, _ = soundfile.read(file.name, dtype="float32")
    phones, start = [], 0.0
    for item in done.stdout.split():
        label, end = item.rsplit(":", 1)
        phones.append((FLITE_PHONES.get(label, label.upper()), start, float(end)))
        start = float(end)
    return audio, phones
