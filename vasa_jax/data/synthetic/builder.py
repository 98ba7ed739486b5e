"""The TFDS builder: clips that worker processes rendered become array_record files, without TensorFlow."""

import pathlib

import tensorflow_datasets as tfds

from vasa_jax.data import clip_file
from vasa_jax.data.clips import clip_features
from vasa_jax.data.synthetic import clip


class SyntheticHeads(tfds.core.GeneratorBasedBuilder):
    """Talking heads rendered from ICT-FaceKit with exact labels.

    Args:
      settings: clip.Settings.
      clips: folder with the rendered clips, one file each, or None to render here, one after another.
      splits: names of the splits to write.
    """

    VERSION = tfds.core.Version("1.0.0")
    name = "synthetic_heads"
    url_infos = {}  # nothing is downloaded: no checksum files to look for

    def __init__(self, *, settings, clips=None, splits=clip.SPLITS, **kwargs):
        self.settings, self.clips, self.chosen = settings, clips and pathlib.Path(clips), tuple(splits)
        super().__init__(file_format="array_record", **kwargs)

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, description=__doc__, features=clip_features(self.settings.size))

    def _split_generators(self, download_manager):
        del download_manager
        return {split: self._generate_examples(split) for split in self.chosen}

    def _generate_examples(self, split):
        for plan in clip.plans(self.settings, split):
            record = clip.make(self.settings, plan) if self.clips is None else load(self.clips, plan)
            yield plan.name, record


def path(folder, plan):
    """The file of a rendered clip."""
    return pathlib.Path(folder) / f"{plan.name}.npz"


def store(folder, plan, record):
    """Writes a clip's record to its file; a file is there whole or not at all."""
    clip_file.store(path(folder, plan), record)


def load(folder, plan):
    """The record that `store` wrote."""
    return clip_file.load(path(folder, plan))
