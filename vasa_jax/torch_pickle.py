"""Unpickling that can only make dicts of tensors: a pickle is a program, and this one may name nothing else.

A tensor is left as the description of a view; its numbers lie elsewhere in the file (see vasa_jax/torch_file.py).
"""

import collections
import io
import pickle
from typing import Any, NamedTuple

# Types of numbers by the name of their storage. Names and not dtypes, which a pickle could alter by its BUILD.
STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


class Storage(NamedTuple):
    """Where a pickle says that numbers are: a name in the file, their type, their count."""

    key: str
    kind: str
    count: int


class Tensor(NamedTuple):
    """A view of a storage; offset and strides count numbers."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Parameter:
    """A tensor that is a parameter; its state (requires_grad, hooks) is of no use here.

    As torch.nn.Parameter it stands in files from before 2018, made by its class and not by a function.
    """

    __slots__ = ("tensor",)

    def __new__(cls, tensor: Tensor, *_: Any):
        made = super().__new__(cls)
        made.tensor = tensor
        return made

    def __setstate__(self, state: Any) -> None:
        pass


class _RebuildTensor:
    """What the pickle calls to make a tensor. Not a function, since a pickle could set a function's attributes."""

    __slots__ = ()

    def __call__(self, storage: Storage, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
        if not isinstance(storage, Storage):
            raise ValueError("a tensor without a storage")
        size, stride = tuple(size), tuple(stride)
        numbers = (offset, *size, *stride)
        if len(size) != len(stride) or any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError("a tensor of impossible shape")
        return Tensor(storage, offset, size, stride)


class Ignored:
    """In place of a setting that was saved beside the weights, such as a parsed command line: nothing of it is kept."""

    __slots__ = ()

    def __new__(cls, *_: Any):
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass


GLOBALS = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("argparse", "Namespace"): Ignored,
    ("pathlib", "PosixPath"): Ignored,
    ("pathlib", "WindowsPath"): Ignored,
    ("torch._utils", "_rebuild_tensor"): _RebuildTensor(),
    ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
    ("torch._utils", "_rebuild_parameter"): Parameter,
    ("torch.nn.parameter", "Parameter"): Parameter,
    **{("torch", name): kind for name, kind in STORAGES.items()},
}


class Unpickler(pickle.Unpickler):
    """Builds dicts of `Tensor` and `Parameter`; any other name is refused before anything is done with it.

    Attributes:
      kinds: the type of the numbers of each storage that was named, by its key.
    """

    def __init__(self, file: io.BufferedIOBase):
        super().__init__(file, encoding="utf-8")
        self.kinds: dict[str, str] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in GLOBALS:
            raise ValueError(f"it asks for {module}.{name}, and weights need tensors only; nothing of it was run")
        return GLOBALS[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        tag, kind, key, _, count, *view = pid
        if tag != "storage" or kind not in STORAGES.values() or type(count) is not int or any(view):
            raise ValueError(f"it names a storage in an unknown way, {pid!r:.80}")
        self.kinds[str(key)] = kind
        return Storage(str(key), kind, count)
