"""Whether pose, dynamics and identity come apart in one face model or in several, side by side in one table.

    python -m vasa_jax.evaluation.disentanglement --face runs/all runs/without --data data/faces --assets ASSETS \\
        --out report.json --grid grid.png

Writes the numbers as JSON and as Markdown beside it, and a picture of cross-reenactments for each model: rows are
sources, columns drivers, all of them people whom no model has seen.
"""

import argparse
import json
import math
import sys
from pathlib import Path

from vasa_jax.errors import UserError
from vasa_jax.evaluation import command

# (title, measure, format, what it should be)
TABLE = (
    ("Pose read from z_dyn, R² on held-out people", "dynamics_pose_r2", ".3f", "as from labels"),
    ("... from the true expression (a code free of pose)", "dynamics_pose_r2_labels", ".3f", ""),
    ("... from shuffled frames (chance)", "dynamics_pose_r2_chance", ".3f", ""),
    ("Identity told by z_dyn, share of frames", "dynamics_identity", ".1%", "as from labels"),
    ("... by the true expression", "dynamics_identity_labels", ".1%", ""),
    ("... by chance", "dynamics_identity_chance", ".1%", ""),
    ("Expression read from z_dyn, R² on held-out people", "dynamics_expression_r2", ".3f", "high"),
    ("... from shuffled frames (chance)", "dynamics_expression_r2_chance", ".3f", ""),
    ("Area under the PCA curve of z_dyn", "dynamics_pca_area", ".3f", ""),
    ("Another's motion: cosine to the source", "cross_source", ".3f", "high"),
    ("... to the motion's owner", "cross_owner", ".3f", "low"),
    ("... area under the ROC curve, source against all others", "cross_area", ".3f", "1"),
    ("... true frames: cosine to the own portrait", "cross_source_true", ".3f", ""),
    ("... true frames: area", "cross_area_true", ".3f", ""),
    ("Pose of a frame against its label, degrees", "pose_degrees", ".2f", "low"),
    ("Another's pose: error of the drawing, own encoder, degrees", "swapped_pose_degrees", ".2f", "low"),
    ("... MediaPipe, constant error taken out, degrees", "swapped_pose_judge", ".2f", "low"),
    ("... MediaPipe on true frames of these poses, degrees", "swapped_pose_judge_true", ".2f", ""),
    ("... drawings in which MediaPipe finds no face", "swapped_pose_lost", ".1%", ""),
    ("... true frames in which it finds none", "swapped_pose_lost_true", ".1%", ""),
    ("Drawn from two frames of one person, L1 (l_consist)", "consistency", ".4f", "low"),
    ("Canonical volumes of two frames of one person, relative L1", "canonical", ".3f", "low"),
    ("Reconstruction PSNR, dB", "psnr", ".2f", "> copy"),
    ("... copy of the source", "copy_psnr", ".2f", ""),
    ("Reconstruction SSIM", "ssim", ".3f", "> copy"),
    ("... copy of the source", "copy_ssim", ".3f", ""),
    ("Perceptual distance (EfficientNet-Lite0)", "perceptual", ".3f", "< copy"),
    ("... copy of the source", "copy_perceptual", ".3f", ""),
    ("Detail, power of neighbouring pixels' differences over the true frame's", "detail", ".3f", "1"),
    ("Gaze that our network sees, against the true frame's, degrees", "gaze_degrees", ".2f", "< copy"),
    ("... copy of the source", "copy_gaze_degrees", ".2f", ""),
    ("Identity, cosine to the true frame", "identity", ".3f", "> copy"),
    ("... copy of the source", "copy_identity", ".3f", ""),
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the measurement; see `command.run`."""
    return command.run(measure, _parser(), arguments)


def measure(options: argparse.Namespace) -> str:
    """Measures every model, writes the report and the pictures; gives the table.

    Raises:
      UserError: a model, the data or a judge is missing, or a folder to write to is.
    """
    from PIL import Image

    from vasa_jax.data.clips import open_clips
    from vasa_jax.evaluation import face_measures, held_out
    from vasa_jax.evaluation.face_model import load_face

    for path in filter(None, (options.out, options.grid)):
        if not Path(path).absolute().parent.is_dir():
            raise UserError(f"cannot write {path}: its folder does not exist")
    names = columns(options.face)
    judges, source = face_measures.load_judges(options.assets), open_clips(options.data, options.split)
    found = {}
    for name, folder in zip(names, options.face, strict=True):
        face = load_face(folder)
        people = held_out.read_people(source, face.size, options.people, options.frames)
        measuring = face_measures.Measuring(face, people, judges)
        found[name] = measuring.all()
        if options.grid:
            Image.fromarray(measuring.grid()).save(_grid_path(options.grid, name, len(names)))
    settings = {key: getattr(options, key) for key in ("face", "data", "split", "people", "frames")}
    settings["identities"] = [person.identity for person in people]
    write(options.out, settings, found)
    return markdown(found)


def columns(folders: list[str]) -> list[str]:
    """A name for each model: its folder's own, or the whole path where two would be called the same."""
    names = [Path(folder).resolve().name for folder in folders]
    return [name if names.count(name) == 1 else folder for name, folder in zip(names, folders, strict=True)]


def markdown(found: dict[str, dict[str, float]]) -> str:
    """The measures as a table with a column for each model; rows that no model has are left out."""
    lines = [f"| measure | {' | '.join(found)} | should be |", "|---" * (len(found) + 2) + "|"]
    for title, measure, form, wanted in TABLE:
        if any(measure in values for values in found.values()):
            cells = [format(values.get(measure, math.nan), form) for values in found.values()]
            lines.append(f"| {title} | {' | '.join(cells)} | {wanted} |")
    return "\n".join(lines) + "\n"


def write(path: str | Path, settings: dict, found: dict[str, dict[str, float]]) -> None:
    """The JSON, and the table beside it (.md). What could not be measured (NaN) becomes null."""
    models = {
        name: {measure: value if math.isfinite(value) else None for measure, value in values.items()}
        for name, values in found.items()
    }
    text = json.dumps({"settings": settings, "models": models}, indent=1, allow_nan=False)
    Path(path).write_text(text + "\n")
    Path(path).with_suffix(".md").write_text(markdown(found))


def _grid_path(path: str, name: str, models: int) -> Path:
    """The path itself for one model, with the model's name in it for several."""
    path = Path(path)
    return path if models == 1 else path.with_stem(f"{path.stem}_{name.strip('/').replace('/', '_')}")


def _parser() -> argparse.ArgumentParser:
    parser = command.new_parser("vasa_jax.evaluation.disentanglement", __doc__)
    parser.add_argument("--face", nargs="+", required=True, help="runs of stage 1, or folders of released weights")
    parser.add_argument("--data", required=True, help="folder of a clip set")
    parser.add_argument("--split", default="validation", help="whose people no model was trained on")
    parser.add_argument("--assets", required=True, help="folder with face_identity/, efficientnet_lite0/, mediapipe/")
    parser.add_argument("--out", default="disentanglement.json", help="report; a Markdown table is written beside it")
    parser.add_argument("--grid", help="picture of cross-reenactments (.png); with several models one for each")
    parser.add_argument("--people", type=int, help="at most so many")
    parser.add_argument("--frames", type=int, default=24, help="of each person")
    return parser


if __name__ == "__main__":
    sys.exit(main())
