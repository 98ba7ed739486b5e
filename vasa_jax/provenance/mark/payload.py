"""What the invisible mark says: 48 bits, and the 16 that tell whether they were read right."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

FORMAT = 1
# Fields of the payload, the first at the top, by their bits.
LAYOUT = {"format": 2, "major": 3, "minor": 7, "model": 12, "run": 24}
PAYLOAD_BITS = sum(LAYOUT.values())
CHECK_BITS = 16
MESSAGE_BITS = PAYLOAD_BITS + CHECK_BITS
CHECK_POLYNOMIAL, CHECK_START = 0x1021, 0xFFFF  # CRC-16/CCITT-FALSE


@dataclass(frozen=True)
class Payload:
    """Which program, model and run made a video.

    Attributes:
      major, minor: of the version of this package, 0 to 7 and 0 to 127.
      model: 12 bits of the digest of the checkpoint's config, see `model_code`.
      run: 24 bits of the run's id.
    """

    major: int
    minor: int
    model: int
    run: int

    @property
    def version(self) -> str:
        return f"{self.major}.{self.minor}"


def model_code(config: Mapping[str, Any]) -> int:
    """12 bits that tell one released checkpoint from another: of its config, which holds its name and statistics."""
    text = json.dumps(config, sort_keys=True, default=_plain)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:2], "big") >> 4


def to_bits(payload: Payload) -> UInt8[np.ndarray, "64"]:
    """The payload and its check, the highest bit first."""
    number = 0
    for name, bits in LAYOUT.items():
        value = FORMAT if name == "format" else getattr(payload, name)
        number = number << bits | value % (1 << bits)
    return _bits(number << CHECK_BITS | _check(number), MESSAGE_BITS)


def from_bits(bits: UInt8[np.ndarray, "64"]) -> Payload | None:
    """The payload of 64 bits; None where the check or the format says that they were not read right."""
    message = int("".join(map(str, bits)), 2)
    number = message >> CHECK_BITS
    if _check(number) != message % (1 << CHECK_BITS):
        return None
    fields = {}
    for name, size in reversed(LAYOUT.items()):
        fields[name], number = number % (1 << size), number >> size
    return Payload(**fields) if fields.pop("format") == FORMAT else None


def _check(number: int) -> int:
    register = CHECK_START
    for byte in number.to_bytes(PAYLOAD_BITS // 8, "big"):
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ (CHECK_POLYNOMIAL if register & 0x8000 else 0)) & 0xFFFF
    return register


def _bits(number: int, count: int) -> np.ndarray:
    return np.array([number >> shift & 1 for shift in reversed(range(count))], np.uint8)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else np.asarray(value).tolist()
