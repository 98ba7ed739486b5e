"""Weights from PyTorch's files, without PyTorch and without running what a pickle asks for.

Both forms of a .pth file are read: the zip archive of PyTorch 1.6 and later, and the older sequence of pickles with raw
numbers behind them, as torchvision's classic weights still are. Layout of both: torch/serialization.py. What their
pickles may name: vasa_jax/torch_pickle.py.
"""

import io
import math
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import safe_open

from vasa_jax.errors import UserError
from vasa_jax.torch_pickle import Parameter, Tensor, Unpickler

EXPECTED = "a .pth, .pt or .safetensors file of tensors"
ZIP_START, LEGACY_START = b"PK\x03\x04", b"\x80\x02\x8a\x0a"
LEGACY_MAGIC, LEGACY_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
ZIP_HEADER = struct.Struct("<26xHH")  # of a member: the lengths of its name and of its extra field
COUNT = struct.Struct("<q")
MAX_DEPTH = 2  # of dicts within the dict


def read_weights(path: str | Path, expected: str = EXPECTED, prefix: str = "") -> dict[str, np.ndarray]:
    """Reads the tensors of a state dict by their names; bfloat16 becomes float32, other types stay.

    A dict with an entry "state_dict" gives that entry. Dicts within it give their names joined by dots. What is no
    tensor (an epoch, a learning rate) is left out.

    Args:
      path: of a .pth or .pt file as torch.save writes it, or of a .safetensors file; the content decides, not the name.
      expected: what the file should be and where it comes from, for the message of an error.
      prefix: only names that begin so are read; the numbers of all others stay on the disk.

    Raises:
      UserError: the file is absent, damaged, something else, or asks for more than tensors.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(16)
            file.seek(0)
            if start[:4] == ZIP_START:
                return _read_tensors(file, *_open_zip(file), prefix)
            if start[:4] == LEGACY_START:
                return _read_tensors(file, *_open_legacy(file), prefix)
        if start[8:9] == b"{":
            return _read_safetensors(path, prefix)
        raise ValueError("it begins as neither kind does")
    except FileNotFoundError:
        raise UserError(f"no file of weights at {path}; expected {expected}") from None
    except Exception as error:  # damaged pickles and archives raise nearly every kind
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} is not a file of weights ({reason}); expected {expected}") from None


Places = Mapping[str, tuple[int, int]]  # where each storage begins in the file and where it ends, in bytes


def _open_zip(file: io.BufferedIOBase) -> tuple[Any, Places]:
    """The unpickled object and the places of its storages, from an archive; its members are not compressed."""
    archive = zipfile.ZipFile(file)
    members = {info.filename.split("/", 1)[-1]: info for info in archive.infolist()}
    if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()) or "data.pkl" not in members:
        raise ValueError("a zip archive, but not one of torch.save")
    if "byteorder" in members and archive.read(members["byteorder"]) != b"little":
        raise ValueError("its numbers are not little-endian")
    with archive.open(members["data.pkl"]) as stream:
        content = Unpickler(stream).load()
    places = {}
    for name, info in members.items():
        if name.startswith("data/"):
            file.seek(info.header_offset)
            begin = info.header_offset + ZIP_HEADER.size + sum(ZIP_HEADER.unpack(file.read(ZIP_HEADER.size)))
            places[name.removeprefix("data/")] = (begin, begin + info.file_size)
    return content, places


def _open_legacy(file: io.BufferedIOBase) -> tuple[Any, Places]:
    """The same from five pickles: a magic number, a version, the writer's machine, the object, the storages' keys.

    Behind them stands each storage: its count, int64, and its numbers.
    """
    magic, protocol, machine = (Unpickler(file).load() for _ in range(3))
    if magic != LEGACY_MAGIC or protocol != LEGACY_PROTOCOL:
        raise ValueError("a pickle, but not one of torch.save")
    if not machine.get("little_endian", True):
        raise ValueError("its numbers are not little-endian")
    unpickler = Unpickler(file)
    content, keys = unpickler.load(), Unpickler(file).load()
    places, end = {}, file.tell()
    for key in keys:
        file.seek(end)
        (count,) = COUNT.unpack(file.read(COUNT.size))
        if count < 0:
            raise ValueError("a storage of negative size")
        begin = end + COUNT.size
        end = begin + count * _dtype(unpickler.kinds[key]).itemsize
        places[key] = (begin, end)
    return content, places


def _read_tensors(file: io.BufferedIOBase, content: Any, places: Places, prefix: str) -> dict[str, np.ndarray]:
    tensors = {name: tensor for name, tensor in _state_dict(content).items() if name.startswith(prefix)}
    size = file.seek(0, 2)
    return {name: _read_tensor(file, size, name, tensor, places) for name, tensor in tensors.items()}


def _state_dict(content: Any) -> dict[str, Tensor]:
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise ValueError("it holds no dict of tensors")
    tensors = dict(_named_tensors(content, ""))
    if not tensors:
        raise ValueError("its dict holds no tensors")
    return tensors


def _named_tensors(content: dict[Any, Any], before: str, depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Down to MAX_DEPTH only: in a pickle a dict may hold itself."""
    for name, value in content.items():
        value = value.tensor if isinstance(value, Parameter) else value
        if isinstance(value, Tensor):
            yield f"{before}{name}", value
        elif isinstance(value, dict) and depth < MAX_DEPTH:
            yield from _named_tensors(value, f"{before}{name}.", depth + 1)


def _read_tensor(file: io.BufferedIOBase, file_size: int, name: str, tensor: Tensor, places: Places) -> np.ndarray:
    """A copy of the tensor's numbers; every size is checked before memory is asked for."""
    storage, dtype = tensor.storage, _dtype(tensor.storage.kind)
    if storage.key not in places:
        raise ValueError(f"the numbers of {name} are missing")
    begin, end = places[storage.key]
    if storage.count * dtype.itemsize > end - begin or end > file_size:
        raise ValueError(f"{name} claims more numbers than the file has")
    count = math.prod(tensor.size)
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.size, tensor.stride, strict=True))
    if count and (last >= storage.count or count > storage.count):
        raise ValueError(f"{name} claims more numbers than its storage has")
    if not count:
        return np.zeros(tensor.size, _result(dtype))
    file.seek(begin + tensor.offset * dtype.itemsize)
    flat = np.frombuffer(file.read((last + 1 - tensor.offset) * dtype.itemsize), dtype)
    strides = [step * dtype.itemsize for step in tensor.stride]
    return np.array(np.lib.stride_tricks.as_strided(flat, tensor.size, strides), _result(dtype), order="C")


def _read_safetensors(path: str | Path, prefix: str) -> dict[str, np.ndarray]:
    with safe_open(path, "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}
    return {name: tensor.astype(_result(tensor.dtype)) for name, tensor in tensors.items()}


def _dtype(kind: str) -> np.dtype:
    return np.dtype(jnp.bfloat16) if kind == "bfloat16" else np.dtype(kind)


def _result(dtype: np.dtype) -> np.dtype:
    return np.dtype(np.float32) if dtype == jnp.bfloat16 else dtype
