"""Asked against obtained, as pictures."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vasa_jax.evaluation.plotting import pyplot
from vasa_jax.types import EMOTIONS

COLOURS = {"with": "#1b6ca8", "without": "#d1782a"}
COLOURS_KEPT = 48
MARKS = {"motion": "o-", "frames": "s:"}
NAMES = {"motion": "read from the motion", "frames": "from the frames"}


def draw(rows: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Writes gaze.png, distance.png and emotion.png from the rows of `sweep.run`; gives their paths.

    Raises:
      UserError: matplotlib is not installed.
    """
    plot = pyplot()
    plot.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    paths = []
    for name, panels in (("gaze", _gaze), ("distance", _distance), ("emotion", _emotion)):
        figure = panels(plot, [row for row in rows if row["control"] == name])
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=80, bbox_inches="tight")
        plot.close(figure)
        with Image.open(paths[-1]) as picture:  # line art needs few colours, and a repository small files
            few = picture.convert("RGB").quantize(COLOURS_KEPT)
        few.save(paths[-1], optimize=True)
    return paths


def _gaze(plot: Any, rows: list[dict[str, Any]]) -> Any:
    """The grid as it is asked for, and where it comes out, by each reader."""
    readers = [by for by in MARKS if by in rows[0]]
    figure, axes = plot.subplots(1, len(readers), figsize=(4.2 * len(readers), 3.8), squeeze=False)
    for axis, by in zip(axes[0], readers, strict=True):
        asked = np.unique([row["asked"] for row in rows], axis=0)
        axis.plot(*asked.T, "+", color="#999999", label="asked")
        for guidance, colour in COLOURS.items():
            some = [row for row in rows if row["guidance"] == guidance]
            _net(axis, some, by, colour)
            axis.plot([], [], ".-", color=colour, label=f"obtained {guidance} guidance")
        axis.set(xlabel="yaw, degrees", ylabel="pitch, degrees", title=NAMES[by], xlim=(-48, 48), ylim=(-36, 36))
    _explain(figure, axes[0, 0], columns=3)
    return figure


def _net(axis: Any, rows: list[dict[str, Any]], by: str, colour: str) -> None:
    """Obtained points, joined where they were asked in one row or one column."""
    for number in (0, 1):
        for value in sorted({row["asked"][number] for row in rows}):
            line = sorted((row for row in rows if row["asked"][number] == value), key=lambda row: row["asked"])
            axis.plot(*np.array([row[by] for row in line]).T, ".-", color=colour, linewidth=0.7, markersize=3)


def _distance(plot: Any, rows: list[dict[str, Any]]) -> Any:
    figure, axis = plot.subplots(figsize=(3.6, 3.0))
    _curves(axis, rows)
    axis.set(xlabel="distance asked", ylabel="distance obtained")
    _explain(figure, axis, columns=2)
    return figure


def _emotion(plot: Any, rows: list[dict[str, Any]]) -> Any:
    figure, axes = plot.subplots(2, 3, figsize=(7.6, 4.6), sharex=True, sharey=True)
    for axis, emotion in zip(axes.ravel(), EMOTIONS, strict=True):
        _curves(axis, [row for row in rows if row["emotion"] in (emotion, None)])
        axis.set(title=emotion)
    figure.supxlabel("strength asked")
    figure.supylabel("strength obtained")
    _explain(figure, axes[0, 0], columns=3)
    return figure


def _explain(figure: Any, axis: Any, columns: int) -> None:
    """A legend below the figure, of what one of its axes shows."""
    given = axis.get_legend_handles_labels()
    figure.legend(*given, fontsize=7, ncols=columns, loc="upper center", bbox_to_anchor=(0.5, 0.0))


def _curves(axis: Any, rows: list[dict[str, Any]]) -> None:
    asked = sorted({row["asked"][0] for row in rows})
    axis.plot(asked, asked, "--", color="#999999", linewidth=0.8, label="as asked")
    for guidance, colour in COLOURS.items():
        some = sorted((row for row in rows if row["guidance"] == guidance), key=lambda row: row["asked"])
        for by, mark in MARKS.items():
            if some and by in some[0]:
                obtained = [row[by][0] for row in some]
                label = f"{guidance} guidance, {NAMES[by]}"
                axis.plot([row["asked"][0] for row in some], obtained, mark, color=colour, markersize=3, label=label)
