"""What a person sees of a training: one progress line, TensorBoard curves and pictures."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from vasa_jax.training.events import Events
from vasa_jax.training.speed import StepCost
from vasa_jax.training.stage import Report

# Left out of the progress line.
ONLY_CURVES = ("gradient_norm", "learning_rate", "dynamics", "critic_real", "critic_fake", "critic_gradient_norm")


class Watch:
    """Writes to `folder`: TensorBoard events, and the newest pictures and videos. Silent unless `main`."""

    def __init__(self, folder: Path, used: float, main: bool = True):
        self._folder = folder
        self._main = main
        quiet = not sys.stderr.isatty()
        self._bar = tqdm(
            total=100.0,
            initial=100 * used,
            disable=not main,
            bar_format="{percentage:5.1f}% {elapsed}<{remaining} {postfix}",
            mininterval=20 if quiet else 0.5,
        )
        self._writer = Events(folder) if main else None
        self._since = None
        self._cost = StepCost()

    def begin(self, cost: StepCost) -> None:
        """Steps cost so much from here on."""
        self._cost, self._since = cost, None

    def step(self, name: str, step: int, used: float, metrics: Mapping[str, float] | None) -> None:
        """Moves the bar; with `metrics`, writes them and shows the first few with the rate since the last time."""
        if not self._main:
            return
        if metrics is not None:
            rate = self._rate(step)
            speeds = {"steps_per_second": rate, **self._cost.curves(rate)} if rate else {}
            curves = {**metrics, **speeds}
            for key, value in curves.items():
                self._writer.add_scalar(f"{name}/{key}", value, step)
            losses = {key: value for key, value in metrics.items() if key not in ONLY_CURVES}
            shown = " ".join(f"{key} {value:.3g}" for key, value in losses.items())
            speed = f"{rate:.2f} steps/s " if rate else ""
            self._bar.set_postfix_str(f"{name} {step} {speed}{shown}", refresh=False)
        self._bar.update(100 * used - self._bar.n)

    def report(self, step: int, report: Report) -> None:
        """Held-out scalars, pictures and videos."""
        if not self._main:
            return
        for key, value in report.scalars.items():
            self._writer.add_scalar(f"held_out/{key}", value, step)
        for key, picture in report.pictures.items():
            self._writer.add_image(key, picture, step, dataformats="HWC")
            Image.fromarray(np.asarray(picture)).save(self._folder / f"{key}.png")
        for key, video in report.videos.items():
            video.save(self._folder / f"{key}.mp4")
        if report.scalars:
            line = " ".join(f"{key} {value:.4g}" for key, value in report.scalars.items())
            self._bar.write(f"step {step}: {line}", file=sys.stderr)

    def close(self) -> None:
        self._bar.close()
        if self._writer:
            self._writer.close()

    def _rate(self, step: int) -> float | None:
        before, self._since = self._since, (step, time.monotonic())
        if before is None or before[0] >= step:
            return None
        return (step - before[0]) / max(self._since[1] - before[1], 1e-9)
