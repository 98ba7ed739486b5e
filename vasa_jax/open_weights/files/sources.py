"""The published files: what each is called, where it comes from, and how its names are brought into one form."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.open_weights.files.layouts import Layout, mismatches
from vasa_jax.torch_file import read_weights

LIVEPORTRAIT = "of LivePortrait (MIT), huggingface.co/KwaiVGI/LivePortrait"
JOYVASA = "of JoyVASA (MIT), huggingface.co/jdh-algo/JoyVASA"
ANIMALS = "animals"  # LivePortrait's folder of another model, with files of the same names


@dataclass(frozen=True)
class Source:
    """A published file.

    Attributes:
      stem: of its name; `endings` are those it is found under, the first one the original's.
      place: where in the publication it stands.
      project: whose it is.
    """

    stem: str
    place: str
    project: str
    endings: tuple[str, ...] = (".pth", ".safetensors")

    @property
    def told(self) -> str:
        """For the message of an error."""
        return f"{self.place}/{self.stem}{self.endings[0]} {self.project}"

    def find(self, folder: Path) -> Path:
        """The file in `folder` or below it.

        Raises:
          UserError: it is not there.
        """
        found = [
            path
            for path in sorted(folder.rglob(f"{self.stem}.*"), key=lambda path: (len(path.parts), path.name))
            if path.suffix in self.endings and not any(ANIMALS in part for part in path.relative_to(folder).parts)
        ]
        if not found:
            raise UserError(
                f"no {' or '.join(self.stem + ending for ending in self.endings)} in {folder}: it is {self.told}"
            )
        return found[0]


BASE = "liveportrait/base_models"
APPEARANCE = Source("appearance_feature_extractor", BASE, LIVEPORTRAIT)
MOTION = Source("motion_extractor", BASE, LIVEPORTRAIT)
WARPING = Source("warping_module", BASE, LIVEPORTRAIT)
GENERATOR = Source("spade_generator", BASE, LIVEPORTRAIT)
RETARGETING = Source("stitching_retargeting_module", "liveportrait/retargeting_models", LIVEPORTRAIT)
JOY_GENERATOR = Source("motion_generator_hubert_chinese", "motion_generator", JOYVASA, (".pt", ".safetensors"))
TEMPLATE = Source("motion_template", "motion_template", JOYVASA, (".pkl",))


def read(source: Source, folder: Path, rename: Callable[[str], str] = str) -> dict[str, np.ndarray]:
    """Arrays of a source, float32, by their names in `layouts`.

    Raises:
      UserError: the file is missing, damaged, hostile.
    """
    path = source.find(folder)
    return {rename(name): np.asarray(x, np.float32) for name, x in read_weights(path, source.told).items()}


def check(source: Source, folder: Path, weights: dict[str, np.ndarray], layout: Layout) -> None:
    """UserError with the first name or shape that is not as published."""
    for mismatch in mismatches({name: x.shape for name, x in weights.items()}, layout):
        raise UserError(f"{source.find(folder)} is another file: {mismatch}; expected {source.told}")


def without(prefix: str) -> Callable[[str], str]:
    """Names with a prefix taken off where they have it."""
    return lambda name: name.removeprefix(prefix)


def retargeting_name(name: str) -> str:
    """retarget_mouth.module.mlp.0.weight, or as mirrors spell it, to retarget_mouth.mlp.0.weight."""
    return re.sub(r"^(retarget_(?:shoulder|mouth|eye))[._](?:module\.)?", r"\1.", name)
