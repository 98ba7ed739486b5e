"""What is known of one run and told with its output: who made it of what, when, with whose consent."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax import __version__
from vasa_jax.provenance.mark.payload import Payload, model_code

NOT_STATED = "not stated"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Record:
    """One run.

    Attributes:
      model: the checkpoint's name.
      model_code: 12 bits of its digest, see `payload.model_code`.
      inputs: SHA-256, hexadecimal, of what went in, by its name.
      consent: who agreed and how, in the user's words.
      run: 128 bits, hexadecimal, of which the mark holds the first 24: they follow from model and inputs, so that the
        same call makes the same frames.
      time: of the run, ISO 8601 in UTC.
      version: of this package.
    """

    model: str
    model_code: int
    inputs: Mapping[str, str] = field(default_factory=dict)
    consent: str = NOT_STATED
    time: str = field(default_factory=_now)
    version: str = __version__

    @property
    def run(self) -> str:
        told = json.dumps([self.model, self.model_code, self.version, dict(self.inputs)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    def agreed(self, consent: str | None) -> "Record":
        """The same run with who agreed and how, in the user's words; None or "" where they do not say."""
        return replace(self, consent=consent or NOT_STATED)

    @property
    def payload(self) -> Payload:
        """What the invisible mark says of it."""
        major, minor = (int(part) for part in self.version.split(".")[:2])
        return Payload(major, minor, self.model_code, int(self.run[:6], 16))


def new_record(config: Mapping[str, Any], inputs: Mapping[str, np.ndarray | str]) -> Record:
    """Of a run that begins now, of a checkpoint with that config on those arrays, or such as have that hash."""
    hashes = {name: given if isinstance(given, str) else hash_array(given) for name, given in inputs.items()}
    return Record(str(config["name"]), model_code(config), hashes)


def unknown() -> Record:
    """Of a run now, for frames that come without one."""
    return Record(NOT_STATED, 0)


def hash_file(path: str | Path) -> str:
    """SHA-256, hexadecimal, of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_array(array: np.ndarray) -> str:
    """SHA-256, hexadecimal, of an input as the networks get it: its type, shape and values."""
    return hash_blocks(array.dtype.str, array.shape, [array])


def hash_blocks(kind: str, shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> str:
    """`hash_array` of an array of that type and shape that comes in blocks along its first axis."""
    digest = hashlib.sha256(f"{kind}{shape}".encode())
    for block in blocks:
        digest.update(np.ascontiguousarray(block).tobytes())
    return digest.hexdigest()
