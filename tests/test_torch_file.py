"""PyTorch's files, read without PyTorch: what torch.save wrote comes back; what asks for more is refused unrun."""

import argparse
import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import PosixPath

import numpy as np
import pytest

from vasa_jax import torch_file
from vasa_jax.errors import UserError
from vasa_jax.torch_file import read_weights

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def save(torch, tmp_path):
    """(content, zipped) -> path of a file that torch.save wrote."""

    def write(content, zipped=True):
        torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
        return tmp_path / "x.pth"

    return write


@FORMATS
@pytest.mark.parametrize("dtype", "float32 float64 float16 bfloat16 int64 int32 uint8 bool".split())
def test_every_type_of_number_comes_back(torch, save, zipped, dtype):
    tensor = (torch.arange(-6, 6).reshape(3, 4) * 1.37).to(getattr(torch, dtype))
    found = read_weights(save({"a": tensor, "b": tensor[0, 0]}, zipped))
    assert found["a"].dtype == ("float32" if dtype == "bfloat16" else dtype)
    np.testing.assert_array_equal(found["a"], tensor.float().numpy() if dtype == "bfloat16" else tensor.numpy())
    assert found["b"].shape == () and found["b"] == found["a"][0, 0]


@FORMATS
def test_views_of_one_storage_come_back(torch, save, zipped):
    whole = torch.randn(6, 5, 4)
    views = {
        "whole": whole,
        "turned": whole.permute(2, 0, 1),
        "strided": whole[1::2, 2:, ::3],
        "parameter": torch.nn.Parameter(whole[2]),
        "empty": whole[:0],
    }
    found = read_weights(save(OrderedDict(views), zipped))
    assert found.keys() == views.keys()
    for name, view in views.items():
        np.testing.assert_array_equal(found[name], view.detach().numpy())
        assert found[name].flags.c_contiguous


@FORMATS
def test_a_module_and_a_checkpoint_around_it(torch, save, zipped):
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    content = {"epoch": 3, "state_dict": module.state_dict(), "note": "x", "optimiser": {"rate": 0.1}}
    found = read_weights(save(content, zipped), prefix="1.")
    assert found.keys() == {name for name in module.state_dict() if name.startswith("1.")}
    np.testing.assert_array_equal(found["1.running_var"], module.state_dict()["1.running_var"].numpy())


@FORMATS
def test_dicts_within_the_dict_and_settings_beside_it(torch, save, zipped):
    """Names are joined by dots; of a parsed command line nothing is kept."""
    inner = {"a": torch.ones(2), "deeper": {"b": torch.zeros(3)}}
    settings = argparse.Namespace(rate=0.1, out=PosixPath("runs"), hooks=[argparse.Namespace()])
    found = read_weights(save({"args": settings, "model": inner, "c": torch.ones(1)}, zipped))
    assert found.keys() == {"model.a", "model.deeper.b", "c"}


def test_a_dict_that_holds_itself_comes_to_an_end(torch, save):
    content = {"a": torch.ones(2)}
    content["self"] = content
    assert read_weights(save(content)).keys() == {"a", "self.a", "self.self.a"}


def test_parameters_of_before_2018(torch, tmp_path):
    """torchvision's first files: `_rebuild_tensor`, and torch.nn.Parameter made by NEWOBJ, then BUILD."""
    stream = io.BytesIO()
    for value in (torch_file.LEGACY_MAGIC, torch_file.LEGACY_PROTOCOL, {"little_endian": True}):
        pickle.dump(value, stream, 2)
    numbers = np.arange(6, dtype=np.float32)
    storage = b"(U\x07storagectorch\nFloatStorage\nU\x0217U\x03cpuK\x06NtQ"
    tensor = b"ctorch._utils\n_rebuild_tensor\n(" + storage + b"K\x00K\x02K\x03\x86K\x03K\x01\x86tR"
    parameter = b"ctorch.nn.parameter\nParameter\n" + tensor + b"\x85\x81\x88\x89N\x87b"
    stream.write(b"\x80\x02ccollections\nOrderedDict\n)RU\x08features" + parameter + b"s.")
    pickle.dump(["17"], stream, 2)
    (tmp_path / "old.pth").write_bytes(stream.getvalue() + struct.pack("<q", 6) + numbers.tobytes())
    np.testing.assert_array_equal(read_weights(tmp_path / "old.pth")["features"], numbers.reshape(2, 3))


def test_safetensors(torch, tmp_path):
    from safetensors.torch import save_file

    tensors = {"a.x": torch.randn(2, 3), "b": torch.randn(4).bfloat16(), "a.y": torch.arange(3)}
    save_file(tensors, tmp_path / "x.bin")
    found = read_weights(tmp_path / "x.bin")
    assert {name: str(x.dtype) for name, x in found.items()} == {"a.x": "float32", "b": "float32", "a.y": "int64"}
    np.testing.assert_array_equal(found["b"], tensors["b"].float().numpy())
    assert read_weights(tmp_path / "x.bin", prefix="a.").keys() == {"a.x", "a.y"}


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self.trace}",)


@FORMATS
def test_a_hostile_pickle_is_refused_unrun(torch, save, zipped, tmp_path):
    path = save({"a": torch.zeros(2), "b": Hostile(tmp_path / "trace")}, zipped)
    with pytest.raises(UserError, match=r"asks for posix\.system, and weights .* nothing of it was run"):
        read_weights(path)
    assert not (tmp_path / "trace").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "trace").exists(), "the file would have run its command"


@pytest.mark.parametrize("name", ["builtins.eval", "builtins.getattr", "torch.load", "torch.hub.load", "numpy.load"])
def test_other_names_are_refused(tmp_path, name):
    module, attribute = name.rsplit(".", 1)
    content = b"\x80\x02c" + f"{module}\n{attribute}\n".encode() + b"."
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("x/data.pkl", content)
    with pytest.raises(UserError, match=f"asks for {name}"):
        read_weights(tmp_path / "x.pth")


@FORMATS
def test_a_torn_file_is_one_line(torch, save, zipped):
    path = save({"a": torch.randn(50, 50), "b": torch.randn(50, 50)}, zipped)
    whole = path.read_bytes()
    for length in (len(whole) - 5000, len(whole) // 3, 200, 20, 5):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="is not a file of weights") as caught:
            read_weights(path, expected="the one from there")
        assert "\n" not in str(caught.value) and str(caught.value).endswith("expected the one from there")


def test_sizes_that_the_file_does_not_have_are_refused(torch, save):
    path = save({"a": torch.zeros(3)}, zipped=False)
    whole = path.read_bytes()
    header = struct.pack("<q", 3) + bytes(12)
    assert whole.endswith(header)
    for claim, found in ((2**40, "more numbers than the file has"), (1, "more numbers"), (-1, "negative")):
        path.write_bytes(whole[: -len(header)] + struct.pack("<q", claim) + bytes(12))
        with pytest.raises(UserError, match=found):
            read_weights(path)


@FORMATS
def test_a_tensor_larger_than_its_storage_is_refused(torch, save, zipped):
    path = save({"a": torch.zeros(1).expand(10**12)}, zipped)
    with pytest.raises(UserError, match="a claims more numbers than its storage has"):
        read_weights(path)


def test_other_content_is_one_line(torch, save, tmp_path):
    (tmp_path / "x.txt").write_text("these are no weights\n")
    (tmp_path / "empty").touch()
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("notes.txt", "none here either")
    for name in ("x.txt", "empty", "y.zip", "."):
        with pytest.raises(UserError, match=r"is not a file of weights \(.*\); expected a \.pth"):
            read_weights(tmp_path / name)
    with pytest.raises(UserError, match="holds no tensors"):
        read_weights(save({"a": 1}))
    with pytest.raises(UserError, match=r"no file of weights at .*absent\.pth; expected"):
        read_weights(tmp_path / "absent.pth")


def test_nothing_here_needs_torch():
    assert "import torch" not in open(torch_file.__file__).read()
