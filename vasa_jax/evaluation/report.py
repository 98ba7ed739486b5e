"""From measurements of clips to one summary, a JSON file and a Markdown table."""

import json
import math
from pathlib import Path

import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.evaluation import people, signals
from vasa_jax.evaluation.speaking import Spoken, identity_similarities

# Whose curves: generated frames read by the judge, true frames read by the judge, true labels.
WHOSE = (("", "generated"), ("true_", "true_frames"), ("label_", "labels"))
# (title, path in the summary, format, what it should be)
TABLE = (
    ("Lip opening, correlation with the true labels", "speech.lips", ".2f", ">= 0.6"),
    ("... with the judge's reading of the true frames", "speech.lips_by_judge", ".2f", ""),
    ("... another clip's audio given", "speech.lips_swapped", ".2f", "< 0.2"),
    ("... of the true frames read by the judge (the ceiling)", "speech.lips_ceiling", ".2f", ""),
    ("Lip opening in p, b, m", "speech.generated.closed", ".3f", "< in vowels"),
    ("Lip opening in vowels", "speech.generated.vowels", ".3f", ""),
    ("... true frames: p, b, m", "speech.true_frames.closed", ".3f", ""),
    ("... true frames: vowels", "speech.true_frames.vowels", ".3f", ""),
    ("p, b, m whose lips come under half the vowels' opening", "speech.generated.made", ".0%", ""),
    ("... true frames", "speech.true_frames.made", ".0%", ""),
    ("Blinks a minute", "speech.generated.blinks_per_minute", ".1f", "> 0"),
    ("... true frames", "speech.true_frames.blinks_per_minute", ".1f", ""),
    ("... labels", "speech.labels.blinks_per_minute", ".1f", ""),
    ("Head motion dP, degrees a frame, 5-frame mean", "speech.generated.motion_smooth", ".2f", "> 0"),
    ("... true frames", "speech.true_frames.motion_smooth", ".2f", ""),
    ("... labels", "speech.labels.motion_smooth", ".2f", ""),
    ("Head motion dP, unsmoothed", "speech.generated.motion", ".2f", ""),
    ("... true frames", "speech.true_frames.motion", ".2f", ""),
    ("Identity, cosine to the own portrait", "identity.own", ".3f", "> to others"),
    ("... to portraits of others", "identity.others", ".3f", ""),
    ("... area under the ROC curve", "identity.auc", ".3f", ""),
    ("Reconstruction PSNR, dB, face", "reconstruction.psnr_face", ".2f", "> copy"),
    ("... copy of the source", "reconstruction.copy_psnr_face", ".2f", ""),
    ("Reconstruction PSNR, dB, mouth", "reconstruction.psnr_mouth", ".2f", "> copy"),
    ("... copy of the source", "reconstruction.copy_psnr_mouth", ".2f", ""),
    ("Reconstruction SSIM, face", "reconstruction.ssim_face", ".3f", ""),
    ("... copy of the source", "reconstruction.copy_ssim_face", ".3f", ""),
    ("Reconstruction SSIM, mouth", "reconstruction.ssim_mouth", ".3f", ""),
    ("... copy of the source", "reconstruction.copy_ssim_mouth", ".3f", ""),
)


def summarise(spoken: list[Spoken], rebuilt: list[dict]) -> dict:
    """Means over clips of what `speaking` and `reconstruction` measured; either list may be empty."""
    summary = {}
    if spoken:
        summary["speech"] = _speech([clip.row for clip in spoken])
        own, others = identity_similarities(spoken)
        auc = people.area_under_curve(own, others)
        summary["identity"] = {"own": signals.finite_mean(own), "others": signals.finite_mean(others), "auc": auc}
    if rebuilt:
        numbers = [key for key, value in rebuilt[0].items() if isinstance(value, float)]
        summary["reconstruction"] = {key: signals.finite_mean([row[key] for row in rebuilt]) for key in numbers}
    return summary


def _speech(rows: list[dict]) -> dict:
    correlations = ("lips", "lips_by_judge", "lips_swapped", "lips_ceiling")
    summary = {key: signals.finite_mean([row.get(key, math.nan) for row in rows]) for key in correlations}
    shifts = rows[0]["lips_by_shift"]
    summary["lips_by_shift"] = {
        shift: signals.finite_mean([row["lips_by_shift"][shift] for row in rows]) for shift in shifts
    }
    summary["clips"], summary["frames"] = len(rows), sum(row["frames"] for row in rows)
    summary["lost_frames"] = sum(row["lost"] for row in rows)
    for prefix, name in WHOSE:
        summary[name] = _behaviour(rows, prefix)
    return summary


def _behaviour(rows: list[dict], prefix: str) -> dict:
    def total(name: str) -> int:
        return sum(row[prefix + name] for row in rows)

    phones = [row[f"{prefix}phones"] for row in rows]
    events = np.array([phone["events"] for phone in phones])
    made = np.array([phone["made"] for phone in phones])
    counted = np.isfinite(made)
    return {
        "closed": signals.finite_mean([phone["closed"] for phone in phones]),
        "vowels": signals.finite_mean([phone["vowels"] for phone in phones]),
        "made": float(np.average(made[counted], weights=events[counted])) if counted.any() else math.nan,
        "blinks_per_minute": signals.per_minute(total("blinks"), total("seen")),
        "motion": signals.finite_mean([row[f"{prefix}motion"] for row in rows]),
        "motion_smooth": signals.finite_mean([row[f"{prefix}motion_smooth"] for row in rows]),
    }


def make_folder(path: str | Path) -> Path:
    """The folder of that name, made where it is missing, its own folder not; UserError if it cannot be."""
    try:
        Path(path).mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {path}: {error.strerror}") from error
    return Path(path)


def markdown(summary: dict) -> str:
    """The summary as a table, without experiments that were not run; nan stands for no face found."""
    lines = ["| measure | value | should be |", "|---|---|---|"]
    for title, path, form, wanted in TABLE:
        value = summary
        for key in path.split("."):
            value = value.get(key, {})
        if isinstance(value, float):
            lines.append(f"| {title} | {value:{form}} | {wanted} |")
    return "\n".join(lines) + "\n"


def write(path: str | Path, summary: dict, settings: dict, rows: dict[str, list[dict]]) -> None:
    """Writes the JSON, and the table beside it (.md). What could not be measured (NaN) becomes null."""
    path = Path(path)
    report = finite({"settings": settings, "summary": summary, "clips": rows})
    path.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
    path.with_suffix(".md").write_text(markdown(summary))


def finite(value):
    """The same nested dicts and lists as JSON can hold them: numbers that are not finite become None."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
