"""One page that shows what came out: how much, how the faces look, what was refused and why."""

import base64
import html
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vasa_jax.data import clip_file, clips
from vasa_jax.data.videos import parts
from vasa_jax.data.videos.parts import Account
from vasa_jax.data.videos.refusals import REASONS, Refusal
from vasa_jax.types import FPS

FACES, REFUSED_EACH = 40, 8  # pictures in the sheets
FACE_SIDE = 112
BINS = 24
YAW, PITCH, GAZE_YAW, GAZE_PITCH, DISTANCE = 0, 1, 7, 8, 9  # columns of the samples of an account
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; color: #222 }
table { border-collapse: collapse } td, th { padding: .2em .9em .2em 0; text-align: left; vertical-align: top }
.row { display: flex; flex-wrap: wrap; gap: 1em } figure { margin: 0 }
figcaption { font-size: 13px; color: #555 } .sheet { display: flex; flex-wrap: wrap; gap: 4px }
.sheet img { height: 112px } svg { background: #f6f6f4 } h2 { margin-top: 1.6em }
"""


def write(file: Path, work: Path, accounts: Sequence[Account]) -> None:
    """The report as one HTML file with its pictures inside.

    Args:
      work: the folder with the parts of these accounts.
    """
    found = [clip for account in accounts for clip in account.clips]
    body = [
        "<h1>Clips from videos</h1>",
        _summary(accounts),
        "<h2>Refused, and why</h2>",
        _reasons([refusal for account in accounts for refusal in account.refusals]),
    ]
    if found:
        body += ["<h2>Distributions</h2>", _distributions(found), "<h2>Faces</h2>", _faces(work, accounts)]
    body += ["<h2>Refused, in pictures</h2>", _refused(work, accounts)]
    page = f"<!doctype html><meta charset='utf-8'><title>Clips from videos</title><style>{STYLE}</style>"
    part = file.with_suffix(".part")
    part.write_text("\n".join([page, *body]), encoding="utf-8")
    part.replace(file)


def _summary(accounts: Sequence[Account]) -> str:
    found = [clip for account in accounts for clip in account.clips]
    kept = sum(clip["frames"] for clip in found) / FPS
    dropped = lasting([refusal for account in accounts for refusal in account.refusals])
    spent: Counter[str] = Counter()
    for account in accounts:
        spent.update(account.seconds)
    share = ", ".join(f"{work} {seconds:.0f} s" for work, seconds in spent.most_common())
    lines = {
        "videos": f"{len(accounts)}, of them {sum(bool(account.clips) for account in accounts)} with clips",
        "clips": f"{len(found)}, {minutes(kept)}",
        "refused": minutes(dropped),
        "processor time": share or "none",
    }
    return table([[name, value] for name, value in lines.items()])


def _reasons(refusals: Sequence[Refusal]) -> str:
    rows = []
    for reason, meaning in REASONS.items():
        some = [refusal for refusal in refusals if refusal.reason == reason]
        rows.append([reason, str(len(some)), minutes(lasting(some)), meaning])
    return table(rows, ["reason", "stretches", "time", "meaning"])


def _distributions(found: Sequence[dict]) -> str:
    samples = np.concatenate([np.array(clip["sample"]) for clip in found])
    charts = [
        histogram(np.degrees(samples[:, YAW]), "yaw of the head, degrees", (-90.0, 90.0)),
        histogram(np.degrees(samples[:, PITCH]), "pitch of the head, degrees", (-60.0, 60.0)),
        histogram(np.degrees(samples[:, GAZE_YAW]), "yaw of the gaze, degrees", (-60.0, 60.0)),
        histogram(np.degrees(samples[:, GAZE_PITCH]), "pitch of the gaze, degrees", (-60.0, 60.0)),
        histogram(samples[:, DISTANCE], "distance of the head, 1 at the reference", (0.5, 2.0)),
        histogram(np.array([clip["frames"] / FPS for clip in found]), "duration of a clip, seconds", None),
        histogram(np.array([clip["brightness"] for clip in found]), "brightness, 0 black to 1 white", (0.0, 1.0)),
    ]
    return f"<div class='row'>{''.join(charts)}</div>"


def _faces(work: Path, accounts: Sequence[Account]) -> str:
    named = [(account.video, clip["name"]) for account in accounts for clip in account.clips]
    chosen = named[:: max(1, len(named) // FACES)][:FACES]
    pictures = []
    for video, name in chosen:
        record = clip_file.load(parts.clip_path(work, video, name))
        middle = clips.decode_image(record["frames"][len(record["frames"]) // 2], FACE_SIDE)
        stream = io.BytesIO()
        Image.fromarray(middle).save(stream, "JPEG", quality=85)
        pictures.append(picture(stream.getvalue(), name))
    return f"<div class='sheet'>{''.join(pictures)}</div>"


def _refused(work: Path, accounts: Sequence[Account]) -> str:
    sheets = []
    for reason in REASONS:
        some = [
            (parts.folder_of(work, account.video) / name, refusal)
            for account in accounts
            for refusal, name in zip(account.refusals, account.pictures, strict=True)
            if refusal.reason == reason and name
        ]
        chosen = some[:: max(1, len(some) // REFUSED_EACH)][:REFUSED_EACH]
        shown = [picture(file.read_bytes(), f"{one.video} at {one.start:.1f} s. {one.detail}") for file, one in chosen]
        if shown:
            sheets.append(f"<h3>{reason}</h3><div class='sheet'>{''.join(shown)}</div>")
    return "".join(sheets) or "<p>Nothing to be seen was refused.</p>"


def histogram(values: np.ndarray, title: str, span: tuple[float, float] | None) -> str:
    """A bar chart as SVG; what lies outside of the span counts into its ends, NaN nowhere."""
    values = values[np.isfinite(values)]
    low, high = span or (0.0, float(values.max(initial=1.0)))
    counts, _ = np.histogram(np.clip(values, low, high), BINS, (low, high))
    top = max(int(counts.max()), 1)
    bars = "".join(
        f"<rect x='{8 * index}' y='{80 - tall:.1f}' width='7' height='{tall:.1f}' fill='#4a7ba6'/>"
        for index, tall in enumerate(76 * counts / top)
    )
    middle = f", median {np.median(values):.2f}" if len(values) else ""
    caption = f"{html.escape(title)}: {low:g} to {high:g}{middle}"
    return (
        f"<figure><svg width='{8 * BINS}' height='80'>{bars}</svg><figcaption style='width:{8 * BINS}px'>"
        f"{caption}</figcaption></figure>"
    )


def picture(jpeg: bytes, told: str) -> str:
    data, told = base64.b64encode(jpeg).decode(), html.escape(told, quote=True)
    return f"<img src='data:image/jpeg;base64,{data}' title='{told}' alt='{told}'>"


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> str:
    first = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table>{f'<tr>{first}</tr>' if head else ''}{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def lasting(refusals: Sequence[Refusal]) -> float:
    """Seconds."""
    return float(sum(refusal.end - refusal.start for refusal in refusals))


def minutes(seconds: float) -> str:
    """As people read it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
