"""What goes into the mark comes out, and what was read wrongly is known to be."""

import binascii

import numpy as np
import pytest

from vasa_jax.provenance.mark import error_code
from vasa_jax.provenance.mark.payload import LAYOUT, MESSAGE_BITS, PAYLOAD_BITS, Payload, from_bits, model_code, to_bits
from vasa_jax.provenance.record import Record, hash_array, new_record

LARGEST = Payload(7, 127, 2**12 - 1, 2**24 - 1)


@pytest.mark.parametrize("payload", [Payload(0, 0, 0, 0), Payload(0, 1, 77, 123456), LARGEST])
def test_there_and_back(payload):
    bits = to_bits(payload)
    assert bits.shape == (MESSAGE_BITS,) and from_bits(bits) == payload


def test_at_least_48_bits_and_the_standards_check():
    assert PAYLOAD_BITS == sum(LAYOUT.values()) == 48
    bits = to_bits(LARGEST)
    number, check = np.packbits(bits[:48]).tobytes(), int.from_bytes(np.packbits(bits[48:]).tobytes(), "big")
    assert binascii.crc_hqx(number, 0xFFFF) == check  # Python's own CRC-16/CCITT


def test_wrong_bits_are_known():
    """Any one to three of them for certain; others but once in 65536 times 4, for the format is one of four."""
    rng = np.random.default_rng(0)
    bits = to_bits(LARGEST)
    for _ in range(300):
        wrong = bits.copy()
        wrong[rng.choice(MESSAGE_BITS, rng.integers(1, 4), replace=False)] ^= 1
        assert from_bits(wrong) is None
    assert sum(from_bits(rng.integers(0, 2, MESSAGE_BITS).astype(np.uint8)) is not None for _ in range(2000)) <= 1


def test_the_code_corrects_as_its_distance_says():
    """Free distance 12: any five wrong symbols, and noise of the symbols' own strength nearly always."""
    rng = np.random.default_rng(1)
    message = to_bits(LARGEST)
    symbols = error_code.encode(message)
    assert symbols.shape == (error_code.coded_length(MESSAGE_BITS),) == (144,)
    for _ in range(20):
        wrong = symbols.copy()
        wrong[rng.choice(144, 5, replace=False)] *= -1
        np.testing.assert_array_equal(error_code.decode(wrong), message)
    noisy = [symbols + 0.7 * rng.normal(size=144) for _ in range(20)]
    assert all((error_code.decode(0.01 * each) == message).all() for each in noisy)


def test_the_smallest_difference_of_two_codewords():
    """Linear, so the lightest codewords tell: of one and two bits set, none is lighter than the free distance."""
    zero = error_code.encode(np.zeros(20, np.uint8))
    weights = []
    for number in range(1, 256):
        bits = np.zeros(20, np.uint8)
        bits[:8] = [number >> k & 1 for k in range(8)]
        weights.append(int((error_code.encode(bits) != zero).sum()))
    assert min(weights) == 12


def test_records():
    config = {"name": "tiny", "statistics": {"mean": [0.5]}}
    portrait = np.zeros((2, 2, 3), np.uint8)
    record, again = (new_record(config, {"portrait": portrait}) for _ in range(2))
    other = new_record(config, {"portrait": portrait + 1})
    assert record.run == again.run != other.run and record.consent == "not stated"
    assert record.payload == Payload(0, 1, model_code(config), int(record.run[:6], 16))
    assert model_code(config) != model_code({**config, "name": "other"})
    assert hash_array(portrait) != hash_array(portrait.reshape(4, 3)) != hash_array(portrait.view(np.int8))
    assert Record("a", 0, version="2.13.7").payload.version == "2.13"
