"""A motion model seen while it trains: with each report, the bundled portrait speaks the bundled sentence."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vasa_jax import pretrained
from vasa_jax.checkpoint import Checkpoint
from vasa_jax.checkpoint import load as load_checkpoint
from vasa_jax.errors import UserError
from vasa_jax.inference.animator import Animator
from vasa_jax.inference.portrait import read_portrait
from vasa_jax.inference.speech_file import read_speech
from vasa_jax.inference.video import Video
from vasa_jax.motion import Statistics
from vasa_jax.training.stage import Report

STEPS = {"motion": {"steps": 10, "sampler": "dpm"}, "student": {"fast": True}}  # enough to watch with
STRIP = 8  # frames of a film that stand in the curves beside each other


class Film:
    """Averaged parameters -> a video.

    Args:
      weights: folder of released weights, with the face and the ear that the motion set was encoded with.
      room: "motion" or "student".
      section: what a release says of this room (see `checkpoint.Checkpoint`).
      statistics: of the motion set.

    Raises:
      UserError: no such weights, or others than those that the set was encoded with.
    """

    def __init__(self, weights: str, room: str, section: Mapping[str, Any], statistics: Mapping[str, Any]):
        released = load_checkpoint(weights)
        ours, theirs = Statistics.stored(statistics), released.statistics
        if ours.mean.shape != theirs.mean.shape or not np.allclose(ours.mean, theirs.mean, atol=0.5):
            raise UserError(f"config.film: the motion set was not encoded with the face of {weights}")
        self._room, self._params = room, released.params
        self._config = {**released.config, room: section, "statistics": statistics}
        self._portrait = read_portrait(pretrained.portrait())
        self._speech = read_speech(pretrained.speech())

    def __call__(self, params: Any) -> Video:
        animator = Animator(Checkpoint(self._config, {**self._params, self._room: params}))
        return animator.animate(self._portrait, *self._speech, **STEPS[self._room])


def filmed(report: Callable[[Any], Report], film: Film | None) -> Callable[[Any], Report]:
    """The report with a film, and a strip of its frames; as it is without one."""
    if film is None:
        return report

    def both(params: Any) -> Report:
        video = film(params)
        chosen = np.linspace(0, len(video.frames) - 1, STRIP).round().astype(int)
        strip = np.concatenate(list(video.frames[chosen]), 1)
        told = report(params)
        return dataclasses.replace(told, pictures={**told.pictures, "film": strip}, videos={"film": video})

    return both
