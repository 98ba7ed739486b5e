"""Reading a pickle of NumPy arrays without running it: it may make plain containers and arrays of numbers alone."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from vasa_jax.errors import UserError

KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")


class _Type:
    """A dtype by its code; the state that follows gives the order of its bytes."""

    __slots__ = ("code", "order")

    def __new__(cls, code: Any, *_: Any):
        made = super().__new__(cls)
        made.code, made.order = str(code).lstrip("<=|"), "<"
        return made

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    @property
    def dtype(self) -> np.dtype:
        if self.code not in KINDS or self.order not in "<=|":
            raise ValueError(f"it holds an array of {self.order}{self.code}, not of plain little-endian numbers")
        return np.dtype(f"<{self.code}")


class _Array:
    """An array whose shape, type and bytes are told after it is made."""

    __slots__ = ("value",)

    def __new__(cls, *_: Any):
        made = super().__new__(cls)
        made.value = np.zeros(0)
        return made

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, columns_first, data = state
        self.value = _array(data, kind, shape, "F" if columns_first else "C")


class _Call:
    """A function that a pickle may call; not a function itself, whose attributes a pickle could set."""

    __slots__ = ("_function",)

    def __init__(self, function: Any):
        self._function = function

    def __call__(self, *given: Any) -> Any:
        return self._function(*given)


def _array(data: Any, kind: Any, shape: Any, order: str = "C") -> np.ndarray:
    if not isinstance(kind, _Type) or not isinstance(data, bytes | bytearray):
        raise ValueError("it holds an array of something else than numbers")
    return np.frombuffer(data, kind.dtype).reshape(tuple(shape), order=order).copy()


def _scalar(kind: Any, data: Any) -> np.ndarray:
    return _array(data, kind, ())


def _from_buffer(data: Any, kind: Any, shape: Any, order: str) -> np.ndarray:
    return _array(bytes(data), kind, shape, order)


def _encode(text: Any, encoding: Any) -> bytes:
    """How the older protocols write bytes."""
    return str(text).encode("latin1" if encoding == "latin1" else "ascii")


ALLOWED = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _Call(_encode),
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Call(_Array) for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Call(_scalar) for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Call(_from_buffer) for core in ("core", "_core")},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise ValueError(f"it asks for {module}.{name}, and arrays are all it needs; nothing of it was run")
        return ALLOWED[module, name]


def read_arrays(path: Path, expected: str) -> dict[str, np.ndarray]:
    """The numbers and arrays of a pickled dict, by their names; its other entries are left out.

    Args:
      expected: what the file should be and where it comes from, for the message of an error.

    Raises:
      UserError: the file is absent, damaged, something else, or asks for more than arrays.
    """
    try:
        with path.open("rb") as file:
            content = _Unpickler(file).load()
        if not isinstance(content, dict):
            raise ValueError("it holds no dict")
        plain = {str(name): value.value if isinstance(value, _Array) else value for name, value in content.items()}
    except FileNotFoundError:
        raise UserError(f"no file at {path}; expected {expected}") from None
    except Exception as error:  # damaged pickles raise nearly every kind
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} is not a pickle of arrays ({reason:.200}); expected {expected}") from None
    return {name: np.asarray(value) for name, value in plain.items() if isinstance(value, np.ndarray | float | int)}
