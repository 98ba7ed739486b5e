"""Tensors of a file by their PyTorch names, each asked for with its shape; what nobody asks for must be known."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

Parameters = dict[str, Any]


class Tensors:
    """Gives tensors as the parameters of flax layers, float32.

    Every method raises a ValueError that names the tensor that is missing or of another shape.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray]):
        self._tensors, self._taken = tensors, set()

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def take(self, name: str, *shape: int) -> np.ndarray:
        """The tensor of that name."""
        if name not in self._tensors:
            raise ValueError(f"{name} is missing")
        found = self._tensors[name]
        if found.shape != shape:
            raise ValueError(f"{name} has shape {found.shape}, {shape} is needed")
        self._taken.add(name)
        return found.astype(np.float32)

    def dense(self, name: str, inputs: int, outputs: int, bias: bool = True) -> Parameters:
        """A linear layer; one without a bias in the file gets zeros."""
        offset = self.take(f"{name}.bias", outputs) if bias else np.zeros(outputs, np.float32)
        return {"kernel": self.take(f"{name}.weight", outputs, inputs).T, "bias": offset}

    def convolution(self, name: str, inputs: int, outputs: int, taps: int, bias: bool = True) -> Parameters:
        """A convolution over time."""
        kernel = {"kernel": self.take(f"{name}.weight", outputs, inputs, taps).transpose(2, 1, 0)}
        return {**kernel, "bias": self.take(f"{name}.bias", outputs)} if bias else kernel

    def norm(self, name: str, width: int) -> Parameters:
        """A layer norm."""
        return {"scale": self.take(f"{name}.weight", width), "bias": self.take(f"{name}.bias", width)}

    def finish(self, known: str) -> None:
        """A ValueError that names a tensor that was not taken and whose name does not begin as `known` (a pattern)."""
        for name in sorted(set(self._tensors) - self._taken):
            if not re.match(known, name):
                raise ValueError(f"{name} has no place in the network")
