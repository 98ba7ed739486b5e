"""What phones write into a video that was filmed upright: the pictures lie, and a matrix tells how to turn them."""

from pathlib import Path

CLOCKWISE = b"".join(n.to_bytes(4, "big", signed=True) for n in (0, 65536, 0, -65536, 0, 0, 64 << 16, 0, 1 << 30))
MATRIX_PLACE = 44  # bytes from the name of a version 0 `tkhd` box to its matrix (ISO/IEC 14496-12, 8.3.2)


def turn_clockwise(path: Path) -> Path:
    """Has the first track of an mp4 file shown turned by a quarter."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + MATRIX_PLACE
    data[place : place + 36] = CLOCKWISE
    path.write_bytes(data)
    return path
