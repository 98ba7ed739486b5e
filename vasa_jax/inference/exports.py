"""Programs that were traced once and written down (`jax.export`): who loads them traces no network.

They take the weights as arguments, so a folder of them is small; each runs on all platforms it was written for, in any
later version of JAX that its guarantee reaches (half a year). What was not written down is traced as ever.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax
from jax import export

from vasa_jax import __version__
from vasa_jax.errors import UserError
from vasa_jax.motion import Begun, ClipState, Statistics, Wishes
from vasa_jax.types import Appearance, HeadPose, Motion

FORMAT = 2
INDEX, PROGRAMS, ENDING = "exported.json", "programs", ".jaxexport"
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


@dataclass(frozen=True)
class Program:
    """One that can be written down.

    Attributes:
      name: of its file; what it is and all that is fixed in it.
      run: the jitted function.
      args: arrays, or shapes and types of such.
    """

    name: str
    run: Callable
    args: tuple[Any, ...]


class Exports:
    """Programs by name, read when they are first asked for.

    Args:
      paths: their files; none for an animator that traces all.
      dtype: what the face's networks compute in there; None without any.
    """

    def __init__(self, paths: Mapping[str, Path] | None = None, dtype: str | None = None):
        self._paths, self._programs = dict(paths or {}), {}
        self.dtype = dtype

    def get(self, name: str) -> Callable | None:
        """The program, None if it was not written down."""
        if name in self._paths and name not in self._programs:
            self._programs[name] = _read_program(self._paths[name])
        return self._programs.get(name)


NO_EXPORTS = Exports()


def write_program(folder: Path, program: Program, platforms: tuple[str, ...]) -> None:
    """Trace a program for the platforms, of which none need be here."""
    _make_types_known()
    exported = export.export(program.run, platforms=platforms)(*program.args)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{program.name}{ENDING}").write_bytes(exported.serialize())


def write_index(folder: Path, platforms: tuple[str, ...], names: list[str], dtype: str) -> None:
    """What the folder holds; to be written last, since a folder without it is none."""
    made_by = {"format": FORMAT, "version": __version__, "jax": jax.__version__}
    about = {**made_by, "platforms": platforms, "programs": names, "dtype": dtype}
    (folder / INDEX).write_text(json.dumps(about, indent=1) + "\n")


def read_exports(folder: str | Path) -> Exports:
    """The programs of a folder.

    Raises:
      UserError: it holds none, or none for the platform of this process or for this version.
    """
    folder = Path(folder)
    try:
        about = json.loads((folder / INDEX).read_text())
        platforms, names, dtype = tuple(about["platforms"]), tuple(about["programs"]), about["dtype"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"no exported programs in {folder}; python -m vasa_jax.export writes them") from error
    if (about.get("format"), about.get("version")) != (FORMAT, __version__):
        raise UserError(f"the programs in {folder} were exported by another version of vasa_jax: export them again")
    if platform() not in platforms:
        written_for = ", ".join(platforms)
        raise UserError(f"the programs in {folder} are for {written_for}, this process computes on {platform()}")
    return Exports({name: folder / PROGRAMS / f"{name}{ENDING}" for name in names}, dtype)


def platform() -> str:
    """Of this process, as `jax.export` names it."""
    found = jax.default_backend()
    if found != "gpu":
        return found
    return "rocm" if "rocm" in jax.devices()[0].client.platform_version.lower() else "cuda"


def _read_program(path: Path) -> Callable:
    _make_types_known()
    try:
        return jax.jit(export.deserialize(bytearray(path.read_bytes())).call)
    except OSError as error:
        raise UserError(f"an exported program is missing: {path}") from error
    except Exception as error:  # whatever a damaged or too old file makes the reader raise
        raise UserError(f"an exported program is damaged or too old, export them again: {path}") from error


@cache
def _make_types_known() -> None:
    """The types that programs take and give, none of which holds more than its arrays."""
    for kind in (Appearance, HeadPose, Motion, Statistics, ClipState, Begun, Wishes):
        export.register_pytree_node_serialization(
            kind,
            serialized_name=f"vasa_jax.{kind.__name__}",
            serialize_auxdata=lambda _: b"",
            deserialize_auxdata=lambda _: (),
        )
