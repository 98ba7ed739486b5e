"""Error correction of the mark: a convolutional code of rate 1/2 and memory 8, decoded softly by Viterbi's algorithm.

Generators 561 and 753 (octal), free distance 12: the best of this memory (Lin and Costello, Error Control Coding,
table 12.1). The encoder starts and ends in state zero.
"""

import numpy as np
from jaxtyping import Float, UInt8

MEMORY = 8
GENERATORS = (0o561, 0o753)
STATES = 1 << MEMORY


def coded_length(bits: int) -> int:
    """Symbols for a message of so many bits."""
    return len(GENERATORS) * (bits + MEMORY)


def encode(message: UInt8[np.ndarray, " bits"]) -> Float[np.ndarray, " symbols"]:
    """Symbols of -1 and 1 for a message of 0 and 1."""
    outputs, register = [], 0
    for bit in [*message.tolist(), *[0] * MEMORY]:
        register = (register << 1 | bit) & (2 * STATES - 1)
        outputs += [_parity(register & generator) for generator in GENERATORS]
    return 2.0 * np.array(outputs) - 1


def decode(symbols: Float[np.ndarray, " symbols"]) -> UInt8[np.ndarray, " bits"]:
    """The message whose symbols correlate best with these, of any scale."""
    pairs = symbols.reshape(-1, len(GENERATORS))
    scores = np.full(STATES, -np.inf)
    scores[0] = 0.0
    came_from = np.empty((len(pairs), STATES), np.int64)
    states = np.arange(STATES)
    # The register that leads to state s is s with either bit on top, which is the one that is shifted out.
    registers = np.stack([states, states | STATES])
    before = registers >> 1
    for step, pair in enumerate(pairs):
        candidates = scores[before] + _expected(registers) @ pair
        came_from[step] = candidates.argmax(0)
        scores = candidates.max(0)
    state, message = 0, np.empty(len(pairs), np.uint8)
    for step in reversed(range(len(pairs))):
        message[step] = state & 1
        state = (state | int(came_from[step, state]) << MEMORY) >> 1
    return message[:-MEMORY]


def _expected(registers: np.ndarray) -> np.ndarray:
    """(..., 2) symbols that each register sends."""
    return _SENT[registers]


def _parity(number: int) -> int:
    return number.bit_count() & 1


_SENT = np.array([[2.0 * _parity(r & g) - 1 for g in GENERATORS] for r in range(2 * STATES)])
