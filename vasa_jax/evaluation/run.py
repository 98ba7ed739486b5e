"""The whole evaluation of a checkpoint: clips in, both experiments, report out."""

import dataclasses
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from vasa_jax.data.clips import open_clips
from vasa_jax.errors import UserError
from vasa_jax.evaluation import reconstruction, report, sheet, speaking
from vasa_jax.evaluation.samples import read_samples
from vasa_jax.judges import LandmarkJudge, load_identity

SHEET_CLIPS = 4


@dataclasses.dataclass(frozen=True)
class System:
    """What is evaluated.

    Attributes:
      animate: portrait, audio, seed -> frames; see `speaking.Animate`.
      rebuild: source, drivers -> rebuilt drivers; see `reconstruction.Rebuild`.
      image_size: of the face model, in pixels.
    """

    animate: speaking.Animate
    rebuild: reconstruction.Rebuild
    image_size: int


def load_judges(assets: str | Path) -> speaking.Judges:
    """Opens the judges from an assets folder with mediapipe/ and face_identity/.

    Raises:
      UserError: a file or the TFLite runtime is missing.
    """
    return speaking.Judges(
        LandmarkJudge(Path(assets) / "mediapipe"), load_identity(Path(assets) / "face_identity")
    )


def evaluate(
    system: System, judges: speaking.Judges, data: str | Path, split: str, count: int | None,
    out: str | Path, sheet_path: str | Path | None, settings: dict,
) -> dict:  # fmt: skip
    """Runs both experiments on up to `count` speaking clips of a split and writes the report.

    Returns:
      The summary; see `report.summarise`.

    Raises:
      UserError: no such clip set, or an output's folder is missing.
    """
    for path in filter(None, (out, sheet_path)):
        if not Path(path).absolute().parent.is_dir():
            raise UserError(f"cannot write {path}: its folder does not exist")
    samples = read_samples(open_clips(data, split), count)
    spoken = [
        speaking.speak(system.animate, judges, samples, i) for i in tqdm(range(len(samples)), desc="speak")
    ]
    rebuilt = [
        reconstruction.measure(system.rebuild, sample, system.image_size)
        for sample in tqdm(samples, desc="rebuild")
    ]
    summary = report.summarise(spoken, rebuilt)
    report.write(out, summary, settings, {"speech": [clip.row for clip in spoken], "reconstruction": rebuilt})
    if sheet_path:
        Image.fromarray(sheet.frame_sheet(spoken[:SHEET_CLIPS])).save(sheet_path)
    return summary
