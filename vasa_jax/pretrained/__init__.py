"""The small weights that ship with the package, and the portrait and the sentence of the bare command."""

from pathlib import Path

from vasa_jax.errors import UserError

FOLDER = Path(__file__).parent


def path() -> Path:
    """The folder of the released checkpoint: weights.safetensors, config.json, MODEL_CARD.md.

    Raises:
      UserError: this installation has no weights.
    """
    return _present("weights.safetensors").parent


def portrait() -> Path:
    """A rendered head that no network was trained on (PNG); UserError if it is not installed."""
    return _present("portrait.png")


def speech() -> Path:
    """A sentence of about five seconds (FLAC); UserError if it is not installed."""
    return _present("speech.flac")


def gaze() -> Path:
    """The weights of the gaze judge (safetensors); UserError if they are not installed."""
    return _present("gaze.safetensors")


def labels() -> Path:
    """What labels of videos are read by (safetensors), see data.videos.labels.tables; UserError if not installed."""
    return _present("labels.safetensors")


def _present(name: str) -> Path:
    if not (FOLDER / name).is_file():
        raise UserError(f"this installation ships no {name}; give your own --checkpoint, --source, --audio")
    return FOLDER / name
