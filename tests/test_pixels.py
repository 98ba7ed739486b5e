import numpy as np

from vasa_jax.pixels import from_uint8, to_uint8


def test_every_level_survives_the_way_there_and_back():
    levels = np.arange(256, dtype=np.uint8)
    there = from_uint8(levels)
    assert there[0] == -1 and there[-1] == 1
    np.testing.assert_array_equal(to_uint8(there), levels)


def test_what_lies_outside_is_clipped():
    np.testing.assert_array_equal(to_uint8(np.array([-3.0, 3.0], np.float32)), [0, 255])
