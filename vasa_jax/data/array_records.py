"""Writing a data set that TFDS reads, as array_record files, without TensorFlow."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vasa_jax.errors import UserError


def write_set(folder: Path, name: str, features: Any, splits: Mapping[str, Iterable[tuple[str, Mapping]]]) -> None:
    """Writes `splits` into `folder`, which then is the data set itself and must hold none yet.

    Args:
      name: of the data set, in the names of its files.
      features: tfds.features.FeaturesDict of a record.
      splits: (key, record) pairs by split; the keys decide the order.
    """
    part = folder / "part"
    prepare(_builder_class(name, features, splits)(data_dir=str(part), file_format="array_record"), part, folder)


def check_new(folder: Path) -> None:
    """UserError where the folder holds a data set."""
    if (folder / "dataset_info.json").exists():
        raise UserError(f"{folder} already holds a data set: remove it or choose another --out")


def prepare(builder: Any, part: Path, folder: Path, config: Any = None) -> None:
    """Runs a TFDS builder that writes below `part`, and moves its files up into `folder`, out of its nesting.

    Args:
      config: tfds.download.DownloadConfig, for a builder that runs on Beam.
    """
    builder.download_and_prepare(download_config=config)
    for file in Path(builder.data_dir).iterdir():
        file.replace(folder / file.name)
    shutil.rmtree(part)


def _builder_class(name: str, features: Any, splits: Mapping[str, Iterable[tuple[str, Mapping]]]) -> type:
    """A TFDS builder of just this set, unknown to TFDS' register: a process may write several."""
    import tensorflow_datasets as tfds

    class Set(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")
        url_infos = {}  # nothing is downloaded: no checksum files to look for

        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, download_manager):
            del download_manager
            return dict(splits)

        def _generate_examples(self):
            raise NotImplementedError("each split brings its own examples")

    Set.name = name
    return Set
