"""What the lips do while some speech is heard, against what is known of it."""

from typing import Any

import numpy as np
from jaxtyping import Float

from vasa_jax.evaluation import phones, signals
from vasa_jax.evaluation.voices.speech import Speech

# (name in a row, title of its column, format)
COLUMNS = (
    ("lips", "lips with true lips", ".2f"),
    ("closed", "opening in p, b, m", ".3f"),
    ("vowels", "in vowels", ".3f"),
    ("made", "closures made", ".0%"),
    ("made_by_chance", "by chance", ".0%"),
    ("events", "of", ".0f"),
    ("with_energy", "lips with loudness", ".2f"),
)


def measure(speech: Speech, opening: Float[np.ndarray, " time"]) -> dict[str, float]:
    """Of one recording and the lip opening (T,) that it made.

    Returns:
      with_energy: correlation with loudness. If the phones are known, the numbers of `phones.Closure`: closed, vowels,
      made, events; and made_by_chance, the same share where the lips are those of another time of the recording (rolled
      by a quarter, a half, three quarters of it). If the true lips are known, lips: the correlation with them.
    """
    opening = np.asarray(opening, np.float64)
    row = {"with_energy": signals.correlation(signals.moving_mean(opening, 5), signals.energy(speech.audio, 5))}
    if speech.phones is not None:
        labels, starts, ends = (list(column) for column in zip(*speech.phones, strict=True))
        spans = labels, np.array(starts), np.array(ends)
        found = phones.closure(opening, *spans)
        row |= {name: float(getattr(found, name)) for name in ("closed", "vowels", "made", "events")}
        rolled = [np.roll(opening, len(opening) * quarter // 4) for quarter in (1, 2, 3)]
        row["made_by_chance"] = float(np.mean([phones.closure(other, *spans).made for other in rolled]))
    if speech.lip_opening is not None:
        row["lips"] = signals.correlation(opening, speech.lip_opening.astype(np.float64))
    return row


def mean(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means over recordings, of those that have a number; shares count each closure alike, "events" is their sum."""
    found: dict[str, float] = {}
    for name in {name for row in rows for name in row}:
        values = np.array([row.get(name, np.nan) for row in rows])
        counts = np.isfinite(values)
        weights = np.array([row.get("events", 0.0) if name.startswith("made") else 1.0 for row in rows])[counts]
        if counts.any() and weights.sum() > 0:
            values = values[counts]
            found[name] = float(values.sum() if name == "events" else np.average(values, weights=weights))
    return found


def markdown(table: dict[str, dict[str, float]], first: str) -> str:
    """A line for each name of the table; empty cells where nothing is known."""
    lines = [f"| {first} | {' | '.join(title for _, title, _ in COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in table.items():
        cells: list[Any] = [f"{row[key]:{form}}" if key in row else "" for key, _, form in COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
